#include "job/credential.hpp"

#include "job/exchange.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

namespace handoff {
namespace {

bool has(const auto& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// The words of "X-Access-Key", "access_key" and "accessKey", in lower case.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words{{}};
  bool after_lower = false;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    const bool upper = std::isupper(byte) != 0;
    if ((std::isalnum(byte) == 0 || (upper && after_lower))
        && !words.back().empty())
      words.emplace_back();
    if (std::isalnum(byte) != 0)
      words.back() += static_cast<char>(std::tolower(byte));
    after_lower = std::islower(byte) != 0 || std::isdigit(byte) != 0;
  }
  if (words.back().empty())
    words.pop_back();
  return words;
}

/// Whether it is called a key that opens something, not one that something is
/// found by.
bool is_secret_key(const std::vector<std::string>& words) {
  constexpr std::array<std::string_view, 14> harmless{
    "idempotency", "issue",   "project",   "space", "sort",
    "partition",   "row",     "cache",     "event", "message",
    "object",      "routing", "surrogate", "dedup"};
  return !words.empty() && words.back() == "key"
      && (words.size() == 1 || !has(harmless, words[words.size() - 2]));
}

} // namespace

bool is_credential_member(std::string_view name) {
  // A name too many is hidden rather than one too few. Of these a part of the
  // name is enough:
  constexpr std::array<std::string_view, 23> parts{
    "authorization", "cookie",     "token",           "secret",     "signature",
    "password",      "passwd",     "passphrase",      "passcode",   "apikey",
    "accesskey",     "authkey",    "privatekey",      "credential", "jwt",
    "sessionid",     "sessid",     "bearer",          "saml",       "authcode",
    "accesscode",    "devicecode", "verificationcode"};
  // These would be parts of harmless names ("auth" of "author"), so that they
  // have to be a word of it:
  constexpr std::array<std::string_view, 9> words{
    "sig", "auth", "oauth", "pwd", "pass", "pw", "session", "otp", "hmac"};
  const auto own = words_of(name);
  std::string joined;
  for (const auto& each : own)
    joined += each;
  return is_secret_key(own)
      || std::any_of(parts.begin(), parts.end(),
                     [&](std::string_view part) {
                       return joined.find(part) != std::string::npos;
                     })
      || std::any_of(own.begin(), own.end(),
                     [&](const std::string& word) { return has(words, word); });
}

bool is_credential(std::string_view name) {
  // The whole of it ("code" of "country_code"):
  constexpr std::array<std::string_view, 6> names{"code", "pin",  "hash",
                                                  "sid",  "sign", "ticket"};
  return has(names, lower_case(name)) || is_credential_member(name);
}

} // namespace handoff
