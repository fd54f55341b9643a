// The body of an upstream's answer. Promises: what is let pass is within the
// limits and is the same value that nlohmann's own parser makes of it, but for
// long integers and numbers beyond a double; it can be copied, written and read
// again, as text and as CBOR.

#include "job/json_reader.hpp"
#include "job/json_text.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace handoff::fuzz {
namespace {

using nlohmann::json;

std::size_t depth_of(const json& value) {
  std::size_t deepest = 0;
  if (value.is_structured())
    for (const auto& each : value)
      deepest = std::max(deepest, depth_of(each));
  return value.is_structured() ? deepest + 1 : 0;
}

bool has_long_integer(const json& value) {
  return value.is_structured()
         ? std::any_of(value.begin(), value.end(), has_long_integer)
         : is_big_integer(value);
}

/// What a number beyond a double becomes, which the parser refuses.
bool has_largest(const json& value) {
  return value.is_structured()
         ? std::any_of(value.begin(), value.end(), has_largest)
         : value.is_number_float()
             && std::abs(value.get<double>())
                  == std::numeric_limits<double>::max();
}

} // namespace
} // namespace handoff::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff;
  using namespace handoff::fuzz;
  const auto text = text_of(data, size);
  const auto read = parse_answer(text);
  const auto* value = std::get_if<json>(&read);
  expect(value == nullptr || text.find('\0') == std::string::npos,
         "nothing stands unread behind a NUL byte");
  if (value == nullptr) {
    expect(std::get<json_problem>(read).at.size() < 210, "a short place");
    return 0;
  }
  expect(depth_of(*value) <= 100, "depth");
  const auto copy = *value;
  const auto written = json_text(copy);
  const auto again = parse_answer(written);
  // What is written may be longer than what was read, by escapes and floats.
  if (written.size() <= 1 << 20)
    expect(std::get<json>(again) == *value, "what is written reads the same");
  const auto cbor = json::to_cbor(*value);
  expect(json::from_cbor(cbor, true, true, json::cbor_tag_handler_t::store)
           == *value,
         "what is journaled reads the same");
  if (!has_long_integer(*value))
    expect(has_largest(*value) || json::parse(text, nullptr, false) == *value,
           "as the parser has it");
  return 0;
}
