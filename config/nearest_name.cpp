#include "config/nearest_name.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace handoff {

namespace {

char lower(char c) {
  if (c == '_')
    return '-';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The number of insertions, removals, exchanges and swaps of neighbours that
/// make `b` of `a`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] =
        std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0u : 1u)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2])
          && lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

} // namespace

std::string_view nearest_name(std::string_view name,
                              std::span<const std::string_view> known) {
  // Longer than any name that there is: not worth the work.
  if (name.size() > 64)
    return {};
  // "warn" is far from "warning" by letters, but means nothing else.
  if (name.size() >= 3)
    for (const auto candidate : known)
      if (candidate.starts_with(name))
        return candidate;
  std::string_view best;
  auto best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const auto candidate : known) {
    const auto d = distance(name, candidate);
    if (d < best_distance && d < candidate.size()) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view name,
                         std::span<const std::string_view> known) {
  const auto nearest = nearest_name(name, known);
  if (nearest.empty())
    return {};
  return " (did you mean " + std::string{nearest} + "?)";
}

} // namespace handoff
