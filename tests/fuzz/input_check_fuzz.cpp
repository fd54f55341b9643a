// The bytes of one connection. Promises: what comes out depends on the bytes
// only, not on how they were cut; a request is within its limits and has no
// byte in it that could end a line; nothing follows a rejection.

#include "http/front_door/input_check.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <vector>

namespace handoff::fuzz {
namespace {

input_limits small_limits() {
  input_limits limits;
  limits.max_body = 512;
  limits.max_headers = 512;
  limits.max_target = 128;
  limits.max_fields = 8;
  return limits;
}

void check(const checked_request& made, const input_limits& limits) {
  const auto& what = made.what;
  expect(what.body.size() <= limits.max_body, "max_body");
  expect(what.path.size() + what.query.size() <= limits.max_target,
         "max_target");
  // An absolute target brings the Host that the fields lack.
  expect(what.headers.size() <= limits.max_fields + 1, "max_fields");
  expect(what.path == "*" || what.path.starts_with('/'), "the path's slash");
  for (const auto& each : what.headers) {
    expect(!each.name.empty(), "a field's name");
    for (const auto& text : {each.name, each.value})
      expect(text.find_first_of(std::string_view{"\r\n\0", 3})
               == std::string::npos,
             "one line a field");
  }
}

/// What came out of pieces of `piece` bytes, written so that it can be
/// compared.
std::vector<std::string> outcomes(std::string_view bytes, std::size_t piece) {
  const auto limits = small_limits();
  input_check check_of{limits};
  std::vector<std::string> made;
  bool refused = false;
  while (!bytes.empty() && !refused) {
    const auto part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    if (!check_of.feed(part, {})) {
      made.push_back("cut");
      break;
    }
    for (bool more = true; more;) {
      auto step = check_of.next();
      if (auto* request = std::get_if<checked_request>(&step)) {
        check(*request, limits);
        auto text = request->what.method + ' ' + request->what.path + '?'
                  + request->what.query + '\n';
        for (const auto& each : request->what.headers)
          text += each.name + ':' + each.value + '\n';
        made.push_back(text + request->what.body);
      } else if (auto* rejected = std::get_if<rejection>(&step)) {
        made.push_back(std::string{name(rejected->why.kind)});
        expect(std::holds_alternative<rejection>(check_of.next()),
               "a rejection is for ever");
        refused = true;
        more = false;
      } else if (std::holds_alternative<continue_wanted>(step)) {
        made.push_back("100");
      } else {
        more = false;
      }
    }
  }
  return made;
}

} // namespace
} // namespace handoff::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff::fuzz;
  if (size < 2)
    return 0;
  const auto bytes = text_of(data + 1, size - 1);
  // All at once may be more than is taken ahead of answers; pieces are not.
  const auto in_pieces = outcomes(bytes, 1 + data[0] % 64);
  expect(in_pieces == outcomes(bytes, 1), "the same however it is cut");
  outcomes(bytes, bytes.size());
  return 0;
}
