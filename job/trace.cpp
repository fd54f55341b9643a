#include "job/trace.hpp"

#include <algorithm>
#include <cstdint>
#include <random>

namespace handoff {
namespace {

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char each) {
    return (each >= '0' && each <= '9') || (each >= 'a' && each <= 'f');
  });
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

// Ids of traces need to be unlikely to meet, not hard to guess (section 3.2.3).
std::uint64_t draw() {
  thread_local std::mt19937_64 engine{[] {
    std::random_device entropy;
    std::seed_seq seed{entropy(), entropy(), entropy(), entropy()};
    return std::mt19937_64{seed};
  }()};
  std::uint64_t drawn = 0;
  while (drawn == 0)
    drawn = engine();
  return drawn;
}

std::string hex(std::uint64_t bits) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, bits >>= 4)
    *at = digits[bits & 15];
  return text;
}

} // namespace

trace_context continue_trace(std::string_view traceparent) {
  // version "-" trace-id "-" parent-id "-" flags; a later version may say more.
  const auto text = traceparent;
  const bool well_formed =
    text.size() >= 55 && text[2] == '-' && text[35] == '-' && text[52] == '-'
    && is_hex(text.substr(0, 2)) && text.substr(0, 2) != "ff"
    && is_hex(text.substr(3, 32)) && !is_zero(text.substr(3, 32))
    && is_hex(text.substr(36, 16)) && !is_zero(text.substr(36, 16))
    && is_hex(text.substr(53, 2))
    && (text.size() == 55 || (text.substr(0, 2) != "00" && text[55] == '-'));
  if (!well_formed)
    return {hex(draw()) + hex(draw()), "01"};
  return {std::string{text.substr(3, 32)}, std::string{text.substr(53, 2)}};
}

std::string make_traceparent(const trace_context& trace) {
  return "00-" + trace.trace_id + '-' + hex(draw()) + '-' + trace.flags;
}

} // namespace handoff
