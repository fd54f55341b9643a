#include "http/ingress/verifier.hpp"

#include "http/front_door/target.hpp"
#include "http/ingress/same_secret.hpp"
#include "http/ingress/signed_time.hpp"
#include "job/base64.hpp"
#include "job/hex.hpp"
#include "job/json_body.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <strings.h>
#include <utility>

namespace handoff {
namespace {

using source = verify_template::source;

/// One check with a public key costs as much as a hundred hashes.
constexpr std::size_t public_key_signatures_max = 8;

error refused(std::string detail) {
  return {error_kind::unauthorized, std::move(detail)};
}

bool same_name(std::string_view left, std::string_view right) noexcept {
  return left.size() == right.size()
      && ::strncasecmp(left.data(), right.data(), left.size()) == 0;
}

bool is_form_type(const headers& fields) {
  const auto* type = find_header(fields, "Content-Type");
  if (type == nullptr)
    return false;
  auto media = std::string_view{*type}.substr(0, type->find(';'));
  while (media.ends_with(' ') || media.ends_with('\t'))
    media.remove_suffix(1);
  return same_name(media, "application/x-www-form-urlencoded");
}

std::optional<std::string> decoded(std::string_view text,
                                   byte_encoding encoding) {
  return encoding == byte_encoding::base64 ? decode_base64(text)
                                           : decode_hex(text);
}

class verification {
public:
  verification(const verify_rule& rule, const verify_request& request,
               verify_notes* notes)
      : rule_{rule}, request_{request}, notes_{notes} {}

  std::optional<error> run() {
    if (rule_.scheme == verify_scheme::none) {
      note("scheme", {}, "nothing is asked for");
      return std::nullopt;
    }
    if (auto wrong = look_at_fields())
      return wrong;
    if (rule_.names_body)
      if (auto wrong = parse_body())
        return wrong;
    switch (rule_.scheme) {
    case verify_scheme::bearer:
      return check_credentials("Bearer");
    case verify_scheme::basic:
      return check_credentials("Basic");
    case verify_scheme::token:
      return check_token();
    default:
      return check_signatures();
    }
  }

private:
  /// Writes down what came of a step, and gives it back.
  std::optional<error> note(const char* step, std::optional<error> wrong,
                            std::string passed = {}) {
    if (notes_ != nullptr)
      notes_->steps.push_back(
        {step, !wrong, wrong ? wrong->detail : std::move(passed)});
    return wrong;
  }

  const std::string* value_of(std::string_view name) const {
    const auto found = std::find_if(
      request_.fields.begin(), request_.fields.end(),
      [&](const auto& each) { return same_name(each.name, name); });
    return found == request_.fields.end() ? nullptr : &found->value;
  }

  /// Two parsers could each take another one of two fields.
  std::optional<error> look_at_fields() {
    const bool credentials = rule_.scheme == verify_scheme::bearer
                          || rule_.scheme == verify_scheme::basic;
    for (const auto& name :
         credentials ? std::set<std::string>{"authorization"} : rule_.headers) {
      const header* first = nullptr;
      for (const auto& each : request_.fields) {
        if (!same_name(each.name, name))
          continue;
        if (first != nullptr)
          return note("fields",
                      refused("the header " + first->name + " appears twice"));
        first = &each;
      }
    }
    if (!rule_.query.empty()) {
      const auto pairs = query_pairs(request_.query);
      for (const auto& name : rule_.query)
        if (std::count_if(pairs.begin(), pairs.end(),
                          [&](const auto& each) { return each.first == name; })
            > 1)
          return note("fields", refused("the query parameter " + name
                                        + " appears twice"));
    }
    return std::nullopt;
  }

  std::optional<error> parse_body() {
    auto parsed =
      request_.body
        ? request_.body()
        : parse_json_body(request_.decoded_body.value_or(request_.raw_body));
    if (auto* wrong = std::get_if<error>(&parsed))
      return note("body", std::move(*wrong));
    body_ = std::get<nlohmann::json>(std::move(parsed));
    return note("body", {}, "parsed, because \"verify\" names members of it");
  }

  /// The webhook as expressions see it; made once, and only if one asks.
  const webhook& hook() {
    if (!hook_) {
      hook_.emplace();
      hook_->flow = request_.flow;
      hook_->headers = request_.fields;
      hook_->query = query_pairs(request_.query);
    }
    return *hook_;
  }

  verify_values values() {
    verify_values made;
    made.header = [this](std::string_view name) {
      return value_of(name);
    };
    made.hook = [this]() -> const webhook& {
      return hook();
    };
    made.part = [this](std::string_view name) {
      return part(name);
    };
    made.body = &body_;
    made.raw = request_.raw_body;
    made.method = request_.method;
    made.timestamp = timestamp_;
    made.url = url_;
    made.form = form_;
    return made;
  }

  std::optional<error> check_credentials(std::string_view scheme) {
    const auto* field = value_of("Authorization");
    if (field == nullptr)
      return note("credentials",
                  refused("the header Authorization is missing"));
    const std::string_view value = *field;
    const auto blank = value.find(' ');
    const auto start = value.find_first_not_of(' ', blank);
    if (blank == npos || start == npos
        || !same_name(value.substr(0, blank), scheme))
      return note("credentials",
                  refused("the header Authorization has no "
                          + std::string{scheme} + " credentials"));
    std::optional<std::string> given{value.substr(start)};
    if (rule_.scheme == verify_scheme::basic)
      given = decode_base64(*given);
    bool fits = false;
    for (const auto& secret : rule_.secrets)
      if (given
          && same_secret(*given, rule_.scheme == verify_scheme::basic
                                   ? rule_.user + ":" + secret
                                   : secret))
        fits = true;
    if (!fits)
      return note("credentials", refused(rule_.scheme == verify_scheme::basic
                                           ? "the user or the password is wrong"
                                           : "the bearer token is wrong"));
    return note("credentials", {}, "a secret of the flow");
  }

  std::optional<error> check_token() {
    const auto token = rule_.token.render(values());
    if (const auto* wrong = std::get_if<error>(&token))
      return note("token", *wrong);
    bool fits = false;
    for (const auto& secret : rule_.secrets)
      if (same_secret(std::get<std::string>(token), secret))
        fits = true;
    if (!fits)
      return note("token", refused("the token is wrong"));
    return note("token", {}, "a secret of the flow");
  }

  // --- Signatures ---

  std::optional<error> check_signatures() {
    if (rule_.content.uses(source::url))
      url_ = rule_.public_url + std::string{request_.path}
           + (request_.query.empty() ? "" : "?" + std::string{request_.query});
    const auto body = request_.decoded_body.value_or(request_.raw_body);
    const bool is_form =
      request_.is_form.value_or(is_form_type(request_.fields));
    if (rule_.covers_form() && is_form)
      form_ = signed_form(body);
    std::optional<error> first;
    bool any = false;
    for (const auto& each : rule_.signatures) {
      auto text = each.render(values());
      if (auto* wrong = std::get_if<error>(&text)) {
        if (!first)
          first = std::move(*wrong);
        continue;
      }
      any = true;
      auto wrong = check_signature(std::get<std::string>(std::move(text)));
      if (!wrong)
        return check_cover(body, is_form);
      first = std::move(wrong);
    }
    if (!any)
      return note("signature",
                  first ? std::move(first) : refused("there is no signature"));
    return first;
  }

  /// One signature, or a list of them.
  std::optional<error> check_signature(std::string text) {
    signature_ = std::move(text);
    auto wrong = read_candidates();
    note("signature", wrong,
         std::to_string(candidates_.size())
           + (candidates_.size() == 1 ? " candidate" : " candidates"));
    // What is too old is compared all the same: who looks for the reason wants
    // to know both.
    if (rule_.timestamp) {
      auto late = check_time();
      note("timestamp", late, age_);
      if (late && !wrong)
        wrong = std::move(late);
    }
    auto content = make_content();
    if (auto* lack = std::get_if<error>(&content))
      return wrong ? wrong : note("content", std::move(*lack));
    if (candidates_.empty())
      return wrong;
    auto misfit = note("comparison", compare(std::get<std::string>(content)),
                       "the signature matches");
    return wrong ? wrong : misfit;
  }

  std::optional<error> read_candidates() {
    candidates_.clear();
    parts_.clear();
    std::vector<std::string_view> texts;
    std::string_view rest = signature_;
    if (!rule_.part) {
      const bool prefixed = rest.starts_with(rule_.prefix);
      if (!prefixed && rule_.prefix_needed)
        return refused("the signature does not begin with \"" + rule_.prefix
                       + '"');
      if (prefixed)
        rest.remove_prefix(rule_.prefix.size());
      texts.push_back(rest);
    } else {
      read_parts(rest);
      for (const auto& [name, value] : parts_)
        if (name == rule_.part->name)
          texts.push_back(value);
      if (texts.empty())
        return refused("the signature has no part \"" + rule_.part->name + '"');
    }
    const bool is_public = rule_.scheme == verify_scheme::public_key;
    for (const auto each : texts) {
      auto bytes = decoded(each, rule_.encoding);
      if (bytes && !bytes->empty()
          && (is_public || bytes->size() == digest_bytes(rule_.algorithm)))
        candidates_.push_back(std::move(*bytes));
    }
    if (is_public && candidates_.size() > public_key_signatures_max) {
      candidates_.clear();
      return refused("there are too many signatures; at most "
                     + std::to_string(public_key_signatures_max)
                     + " are looked at");
    }
    if (candidates_.empty())
      return refused(
        std::string{"the signature is not "}
        + (rule_.encoding == byte_encoding::hex ? "hex" : "base64")
        + (is_public ? ""
                     : " of " + std::to_string(digest_bytes(rule_.algorithm))
                         + " bytes"));
    return std::nullopt;
  }

  void read_parts(std::string_view rest) {
    while (!rest.empty()) {
      const auto end = rest.find(rule_.part->between);
      const auto each = trimmed(rest.substr(0, end));
      rest = end == npos ? std::string_view{}
                         : rest.substr(end + rule_.part->between.size());
      const auto after = each.find(rule_.part->after);
      if (after != npos)
        parts_.emplace_back(each.substr(0, after),
                            each.substr(after + rule_.part->after.size()));
    }
  }

  /// None where it stands twice, too: two parsers could each take another one.
  std::optional<std::string_view> part(std::string_view name) const {
    std::optional<std::string_view> found;
    for (const auto& [each, value] : parts_) {
      if (each != name)
        continue;
      if (found)
        return std::nullopt;
      found = value;
    }
    return found;
  }

  std::optional<error> check_time() {
    auto text = rule_.timestamp->value.render(values());
    if (auto* wrong = std::get_if<error>(&text))
      return std::move(*wrong);
    timestamp_ = std::get<std::string>(std::move(text));
    return check_age(*rule_.timestamp, timestamp_, request_.now, age_);
  }

  result<std::string> make_content() {
    if (const auto* name = rule_.content.header_before_timestamp())
      if (const auto* value = value_of(*name);
          value != nullptr && value->find('.') != npos)
        return refused("the header " + *name + " has a full stop in it");
    auto made = rule_.content.render(values());
    if (const auto* text = std::get_if<std::string>(&made))
      if (notes_ != nullptr)
        notes_->content = *text;
    return made;
  }

  /// What a sender with this key signs `content` with.
  std::optional<std::string> expected_with(const std::string& key,
                                           const std::string& content) {
    if (rule_.scheme == verify_scheme::hmac)
      return message_mac(rule_.algorithm, key, content);
    auto with_secret = values();
    with_secret.secret = key;
    const auto text = rule_.content.render(with_secret);
    const auto* made = std::get_if<std::string>(&text);
    return made != nullptr ? message_digest(rule_.algorithm, *made)
                           : std::nullopt;
  }

  /// All are tried, so that the time does not tell which one fits.
  std::optional<error> compare(const std::string& content) {
    bool fits = false;
    const auto try_all = [&](const std::optional<std::string>& expected) {
      for (const auto& given : candidates_)
        if (expected && same_secret(*expected, given))
          fits = true;
    };
    for (const auto& key : rule_.keys) {
      const auto expected = expected_with(key, content);
      if (notes_ != nullptr && !notes_->expected)
        notes_->expected = expected;
      try_all(expected);
    }
    for (const auto& key : rule_.public_keys)
      for (const auto& given : candidates_)
        if (key.fits(content, given))
          fits = true;
    if (!fits)
      return refused("the signature does not match: wrong secret, or the "
                     "request was changed on the way");
    return std::nullopt;
  }

  /// Whether what is used of the body is what was signed.
  std::optional<error> check_cover(std::string_view body, bool is_form) {
    const bool covered = rule_.covers_form() && (is_form || body.empty());
    if (!rule_.digest) {
      // Its signature would fit any other body.
      if (rule_.covers_form() && !covered && !rule_.content.uses(source::raw))
        return note("cover", refused("the signature covers forms only, and "
                                     "the body is none"));
      return std::nullopt;
    }
    const auto text = rule_.digest->value.render(values());
    if (const auto* lack = std::get_if<error>(&text)) {
      if (covered)
        return note("digest", {}, "none, and the form is signed itself");
      return note("digest", *lack);
    }
    const auto given =
      decoded(std::get<std::string>(text), rule_.digest->encoding);
    const auto made =
      message_digest(rule_.digest->algorithm, request_.raw_body);
    if (!given || !made || !same_secret(*given, *made))
      return note("digest", refused("the digest is not that of the body"));
    return note("digest", {}, "that of the body");
  }

  const verify_rule& rule_;
  const verify_request& request_;
  verify_notes* notes_;
  nlohmann::json body_;
  std::optional<webhook> hook_;
  std::string url_;
  std::string form_;
  std::string signature_;
  std::vector<std::string> candidates_;
  std::vector<std::pair<std::string_view, std::string_view>> parts_;
  std::string timestamp_;
  std::string age_;
};

} // namespace

std::optional<error> verify(const verify_rule& rule,
                            const verify_request& request,
                            verify_notes* notes) {
  return verification{rule, request, notes}.run();
}

std::string challenge_of(const verify_rule& rule, std::string_view flow) {
  switch (rule.scheme) {
  case verify_scheme::bearer:
    return "Bearer";
  case verify_scheme::basic:
    return "Basic realm=\"" + std::string{flow} + "\", charset=\"UTF-8\"";
  default:
    // No registered scheme fits; one has to be named all the same.
    return "Signature realm=\"" + std::string{flow} + '"';
  }
}

std::string signed_form(std::string_view body) {
  auto pairs = query_pairs(body);
  std::sort(pairs.begin(), pairs.end());
  pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
  std::string made;
  for (const auto& [name, value] : pairs)
    made += name + value;
  return made;
}

} // namespace handoff
