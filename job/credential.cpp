#include "job/credential.hpp"

#include "job/exchange.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace handoff {

bool is_credential(std::string_view name) {
  // Parts of names: a header too many is masked rather than one too few.
  constexpr std::array<std::string_view, 15> marks{
    "authorization", "cookie", "token",  "secret",     "signature",
    "password",      "passwd", "apikey", "api-key",    "api_key",
    "access-key",    "x-auth", "jwt",    "credential", "access_key"};
  const auto lower = lower_case(name);
  return std::any_of(marks.begin(), marks.end(), [&](std::string_view mark) {
    return lower.find(mark) != std::string::npos;
  });
}

} // namespace handoff
