#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// What libFuzzer calls with each input.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace handoff::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Takes everything up to `mark`, and the mark, off the front of `rest`.
inline std::string_view take_until(std::string_view& rest, char mark) {
  const auto end = rest.find(mark);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

/// Ends the run where a promise is not kept; libFuzzer keeps the input.
inline void expect(bool holds, const char* what) {
  if (holds)
    return;
  std::fprintf(stderr, "not kept: %s\n", what);
  std::abort();
}

} // namespace handoff::fuzz
