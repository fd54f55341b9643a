#include "http/outbound/shared_tokens.hpp"

#include "config/sha256.hpp"
#include "job/json_reader.hpp"
#include "job/json_text.hpp"

#include <nlohmann/json.hpp>

#include <variant>

namespace handoff {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

/// For how long a claim holds: longer than a request for a token takes. That of
/// a node that dies ends with it.
constexpr milliseconds claim_time{120'000};

/// One that ends so soon is not worth taking.
constexpr milliseconds life_min{2'000};

std::int64_t ms_of(wall_time when) {
  return std::chrono::duration_cast<milliseconds>(when.time_since_epoch())
    .count();
}

std::string name_of(const shared_tokens::chain& of) {
  return of.connection + " " + sha256_hex(of.first);
}

} // namespace

result<token_answer> shared_tokens::opened(const std::string& name,
                                           const std::string& bytes,
                                           wall_time now) const {
  const error unreadable{
    error_kind::token_missing,
    "the tokens in the journal cannot be decrypted: journal.secret is not the "
    "one that they were encrypted with"};
  const auto text = seal_.open(bytes, name);
  if (!text)
    return unreadable;
  const auto read = parse_answer(*text);
  const auto* kept = std::get_if<json>(&read);
  if (kept == nullptr || !kept->is_object())
    return unreadable;
  token_answer made;
  made.access_token = kept->value("access_token", "");
  made.refresh_token = kept->value("refresh_token", "");
  if (const auto ends = kept->find("ends"); ends != kept->end())
    made.expires_in = milliseconds{ends->get<std::int64_t>() - ms_of(now)};
  return made;
}

result<shared_tokens::found>
shared_tokens::find(const chain& of, std::int64_t known, wall_time now) {
  const auto name = name_of(of);
  for (;;) {
    auto claimed = values_->claim(name, known, claim_time);
    if (const auto* failed = std::get_if<error>(&claimed))
      return error{error_kind::token_missing,
                   "the journal has no tokens now: " + failed->detail};
    const auto& value = std::get<shared_values::value>(claimed);
    found made{value.version, std::nullopt, value.is_claimed};
    if (!value.bytes.empty()) {
      auto tokens = opened(name, value.bytes, now);
      if (const auto* failed = std::get_if<error>(&tokens)) {
        // Another node may have the right secret, and must not wait for this
        // one.
        if (value.is_claimed)
          release(of);
        return *failed;
      }
      made.tokens = std::get<token_answer>(std::move(tokens));
    }
    if (made.is_claimed)
      return made;
    const bool is_newer = value.version > known;
    const bool has_ended = made.tokens && made.tokens->expires_in
                        && *made.tokens->expires_in < life_min;
    if (is_newer && has_ended) {
      known = value.version;
      continue;
    }
    if (!is_newer)
      made.tokens.reset();
    return made;
  }
}

result<bool> shared_tokens::put(const chain& of, std::int64_t before,
                                const token_answer& given, wall_time now) {
  json kept{{"access_token", given.access_token},
            {"refresh_token", given.refresh_token}};
  if (given.expires_in)
    kept["ends"] = ms_of(now) + given.expires_in->count();
  const auto name = name_of(of);
  auto done = values_->put(name, before, seal_.seal(json_text(kept), name));
  if (const auto* failed = std::get_if<error>(&done))
    return error{error_kind::token_missing,
                 "the tokens cannot be kept in the journal: " + failed->detail};
  return std::get<bool>(done);
}

void shared_tokens::release(const chain& of) {
  // Otherwise the claim ends with its time.
  (void)values_->release(name_of(of));
}

} // namespace handoff
