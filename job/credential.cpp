#include "job/credential.hpp"

#include "job/exchange.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string>
#include <vector>

namespace handoff {
namespace {

bool has(const auto& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// One bit for each letter from a to z that `text` has. A part has none that
/// the whole does not have: most searches end here.
constexpr std::uint32_t letters_of(std::string_view text) {
  std::uint32_t letters = 0;
  for (const char c : text)
    if (c >= 'a' && c <= 'z')
      letters |= 1u << (c - 'a');
  return letters;
}

// A name too many is hidden rather than one too few. Of these a part of the
// name is enough.
constexpr std::array<std::string_view, 23> parts{
  "authorization", "cookie",     "token",           "secret",     "signature",
  "password",      "passwd",     "passphrase",      "passcode",   "apikey",
  "accesskey",     "authkey",    "privatekey",      "credential", "jwt",
  "sessionid",     "sessid",     "bearer",          "saml",       "authcode",
  "accesscode",    "devicecode", "verificationcode"};

constexpr auto letters_of_parts = [] {
  std::array<std::uint32_t, parts.size()> letters{};
  for (std::size_t index = 0; index < parts.size(); ++index)
    letters[index] = letters_of(parts[index]);
  return letters;
}();

/// The words of "X-Access-Key", "access_key" and "accessKey", in lower case.
struct split_name {
  explicit split_name(std::string_view name) {
    joined.reserve(name.size());
    bool begins = true;
    bool after_lower = false;
    for (const char c : name) {
      const auto byte = static_cast<unsigned char>(c);
      const bool upper = std::isupper(byte) != 0;
      const bool is_of_word = std::isalnum(byte) != 0;
      begins = begins || !is_of_word || (upper && after_lower);
      if (is_of_word) {
        if (begins)
          starts.push_back(joined.size());
        begins = false;
        joined += static_cast<char>(std::tolower(byte));
      }
      after_lower = std::islower(byte) != 0 || std::isdigit(byte) != 0;
    }
  }

  std::size_t size() const { return starts.size(); }

  std::string_view word(std::size_t index) const {
    const auto end = index + 1 < size() ? starts[index + 1] : joined.size();
    return std::string_view{joined}.substr(starts[index], end - starts[index]);
  }

  std::string joined;
  std::vector<std::size_t> starts;
};

/// Whether it is called a key that opens something, not one that something is
/// found by.
bool is_secret_key(const split_name& name) {
  constexpr std::array<std::string_view, 16> harmless{
    "idempotency", "issue", "project", "space",   "sort",   "partition",
    "row",         "cache", "event",   "message", "object", "routing",
    "surrogate",   "dedup", "type",    "template"};
  const auto size = name.size();
  return size > 0 && name.word(size - 1) == "key"
      && (size == 1 || !has(harmless, name.word(size - 2)));
}

} // namespace

bool is_credential_member(std::string_view name) {
  // These would be parts of harmless names ("auth" of "author"), so that they
  // have to be a word of it:
  constexpr std::array<std::string_view, 9> words{
    "sig", "auth", "oauth", "pwd", "pass", "pw", "session", "otp", "hmac"};
  const split_name own{name};
  if (is_secret_key(own))
    return true;
  const auto letters = letters_of(own.joined);
  for (std::size_t index = 0; index < parts.size(); ++index)
    if ((letters_of_parts[index] & ~letters) == 0
        && own.joined.find(parts[index]) != npos)
      return true;
  for (std::size_t index = 0; index < own.size(); ++index)
    if (has(words, own.word(index)))
      return true;
  return false;
}

bool is_credential(std::string_view name) {
  // The whole of it ("code" of "country_code"):
  constexpr std::array<std::string_view, 6> names{"code", "pin",  "hash",
                                                  "sid",  "sign", "ticket"};
  return has(names, lower_case(name)) || is_credential_member(name);
}

} // namespace handoff
