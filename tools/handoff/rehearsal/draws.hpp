#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace handoff::rehearsal {

/// A number that follows from all of `parts`, in their order.
constexpr std::uint64_t mixed(std::initializer_list<std::uint64_t> parts) {
  std::uint64_t bits = 0x9e37'79b9'7f4a'7c15u;
  for (const auto each : parts) {
    bits = (bits ^ each) * 0xbf58'476d'1ce4'e5b9u;
    bits ^= bits >> 31;
    bits *= 0x94d0'49bb'1331'11ebu;
    bits ^= bits >> 29;
  }
  return bits;
}

/// A number that follows from `text` (FNV-1a).
constexpr std::uint64_t number_of(std::string_view text) {
  std::uint64_t bits = 14'695'981'039'346'656'037u;
  for (const char each : text) {
    bits ^= static_cast<unsigned char>(each);
    bits *= 1'099'511'628'211u;
  }
  return bits;
}

/// Random numbers that follow from a seed alone, on each machine and with each
/// compiler (splitmix64). What belongs to one thing (a webhook, a call) is
/// drawn from a seed of its own, so that it stays the same when others are left
/// out.
class draws {
public:
  explicit constexpr draws(std::uint64_t seed) : state_{seed} {}

  constexpr std::uint64_t next() {
    auto bits = state_ += 0x9e37'79b9'7f4a'7c15u;
    bits = (bits ^ (bits >> 30)) * 0xbf58'476d'1ce4'e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d0'49bb'1331'11ebu;
    return bits ^ (bits >> 31);
  }

  /// In [0, end); 0 if `end` is 0.
  constexpr std::uint64_t below(std::uint64_t end) {
    return end == 0 ? 0 : next() % end;
  }

  /// In [0, 1).
  constexpr double unit() {
    return static_cast<double>(next() >> 11) / 9'007'199'254'740'992.0;
  }

  constexpr bool chance(double probability) { return unit() < probability; }

  /// Both ends may come.
  constexpr std::chrono::milliseconds between(std::int64_t least_ms,
                                              std::int64_t most_ms) {
    return std::chrono::milliseconds{
      least_ms
      + static_cast<std::int64_t>(
        below(static_cast<std::uint64_t>(most_ms - least_ms + 1)))};
  }

private:
  std::uint64_t state_;
};

} // namespace handoff::rehearsal
