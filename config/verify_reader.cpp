#include "config/verify_reader.hpp"

#include "config/duration.hpp"
#include "config/flow_check.hpp"
#include "config/secret_reader.hpp"
#include "job/base64.hpp"
#include "job/exchange.hpp"
#include "job/hex.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <variant>

namespace handoff {

namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using source = verify_template::source;
using source_kind = template_expression::source_kind;
using std::chrono::milliseconds;

constexpr milliseconds day{86'400'000};
constexpr std::size_t signatures_max = 10;
constexpr std::string_view webhook_key_prefix = "whsec_";

/// A scheme, what it is in the end, and what may and must stand beside it.
struct scheme_row {
  std::string_view name;
  verify_scheme scheme;
  std::vector<std::string_view> members;
  std::vector<std::string_view> required;
};

const std::vector<scheme_row>& scheme_table() {
  static const std::vector<std::string_view> of_signature{
    "secret", "secrets",  "key",       "strip",  "algorithm", "signature",
    "prefix", "encoding", "timestamp", "signed", "part",      "digest"};
  static const std::vector<scheme_row> table{
    {"none", verify_scheme::none, {}, {}},
    {"bearer", verify_scheme::bearer, {"secret", "secrets"}, {}},
    {"basic", verify_scheme::basic, {"user", "secret", "secrets"}, {"user"}},
    {"token", verify_scheme::token, {"value", "secret", "secrets"}, {"value"}},
    {"standard-webhooks",
     verify_scheme::hmac,
     {"secret", "secrets", "tolerance"},
     {}},
    {"github", verify_scheme::hmac, {"secret", "secrets"}, {}},
    {"hmac-sha256",
     verify_scheme::hmac,
     {"secret", "secrets", "header", "encoding"},
     {"header"}},
    {"hmac", verify_scheme::hmac, of_signature, {"signature"}},
    {"hash", verify_scheme::hash, of_signature, {"signature", "signed"}},
    {"public-key", verify_scheme::public_key, of_signature, {"signature"}},
  };
  return table;
}

/// What the short names of `hmac` stand for.
json written_out(std::string_view scheme, const std::string& header,
                 std::string_view encoding, milliseconds tolerance) {
  if (scheme == "github")
    return {{"scheme", "hmac"},
            {"signature", "{{header/X-Hub-Signature-256}}"},
            {"prefix", "sha256="}};
  if (scheme == "hmac-sha256")
    return {{"scheme", "hmac"},
            {"signature", "{{header/" + header + "}}"},
            {"prefix", "sha256="},
            {"encoding", encoding}};
  return {{"scheme", "hmac"},
          {"signature", "{{header/webhook-signature}}"},
          {"part", {{"name", "v1"}, {"between", " "}, {"after", ","}}},
          {"encoding", "base64"},
          {"timestamp",
           {{"value", "{{header/webhook-timestamp}}"},
            {"tolerance", format_duration(tolerance)}}},
          {"signed", "{{header/webhook-id}}.{{timestamp}}.{{raw}}"}};
}

std::string quoted_list(const std::vector<std::string_view>& names) {
  std::string made;
  for (const auto each : names)
    made += (made.empty() ? "\"" : ", \"") + std::string{each} + '"';
  return made;
}

class verify_reader {
public:
  verify_reader(flow_report& report, const json& value, const pointer& at,
                const verify_circumstances& around)
      : report_{report},
        object_{report, value, at, "verify"},
        around_{around} {}

  verify_rule read() {
    row_ = read_scheme();
    if (row_ == nullptr)
      return std::move(made_);
    made_.scheme = row_->scheme;
    made_.public_url = around_.public_url;
    while (made_.public_url.ends_with('/'))
      made_.public_url.pop_back();
    check_members();
    read_parts();
    read_secrets();
    note_names();
    return std::move(made_);
  }

private:
  const scheme_row* read_scheme() {
    std::vector<std::string_view> names;
    for (const auto& each : scheme_table())
      names.push_back(each.name);
    const auto index = object_.choice("scheme", names);
    return index ? &scheme_table()[*index] : nullptr;
  }

  /// What does nothing for this scheme is most likely meant for another one.
  void check_members() {
    for (const auto key :
         {"secret", "secrets", "header", "encoding", "tolerance", "value",
          "user", "key", "strip", "algorithm", "signature", "prefix", "part",
          "timestamp", "signed", "digest"}) {
      const auto& own = row_->members;
      if (!object_.has(key)
          || std::find(own.begin(), own.end(), key) != own.end())
        continue;
      std::vector<std::string_view> takers;
      for (const auto& each : scheme_table())
        if (std::find(each.members.begin(), each.members.end(), key)
            != each.members.end())
          takers.push_back(each.name);
      object_.error(key, "does nothing for the scheme \""
                           + std::string{row_->name} + "\", allowed is it for "
                           + quoted_list(takers));
    }
    for (const auto key : row_->required)
      if (!object_.has(key))
        report_.error(object_.at(), "\"" + std::string{key}
                                      + "\" is missing, which the scheme \""
                                      + std::string{row_->name} + "\" needs");
  }

  void read_parts() {
    if (made_.scheme == verify_scheme::basic)
      made_.user = read_user();
    if (made_.scheme == verify_scheme::token)
      made_.token = read_template(object_, "value", {}).value_or(made_.token);
    if (made_.scheme != verify_scheme::hmac
        && made_.scheme != verify_scheme::hash
        && made_.scheme != verify_scheme::public_key)
      return;
    if (row_->name == "hmac" || made_.scheme != verify_scheme::hmac) {
      read_signature(object_);
      return;
    }
    read_short_form();
  }

  void read_short_form() {
    auto header = object_.text("header").value_or("X");
    if (row_->name == "hmac-sha256" && !is_header_name(header)) {
      object_.error("header",
                    shown(*object_.find("header")) + " is no header's name");
      return;
    }
    // What signs in this way does not always write the prefix.
    made_.prefix_needed = row_->name != "hmac-sha256";
    const auto encoding = object_.choice("encoding", encodings()).value_or(0);
    const auto tolerance =
      object_.duration("tolerance", milliseconds{1000}, day)
        .value_or(timestamp_rule{}.tolerance);
    const auto full =
      written_out(row_->name, header, encodings()[encoding], tolerance);
    object_reader inner{report_, full, object_.at(), "verify"};
    read_signature(inner);
  }

  std::string read_user() {
    auto user = object_.text("user").value_or("");
    // The colon ends it (RFC 7617, section 2).
    if (user.find(':') != std::string::npos)
      object_.error("user", "must not have a colon in it (RFC 7617)");
    return user;
  }

  /// The template under `key`; `own` are the words of `verify` that it may use.
  std::optional<verify_template> read_template(object_reader& object,
                                               std::string_view key,
                                               const std::vector<source>& own) {
    const auto* value = object.find(key);
    if (value == nullptr)
      return std::nullopt;
    return read_template(*value, object.at(key), own);
  }

  std::optional<verify_template> read_template(const json& value,
                                               const pointer& at,
                                               const std::vector<source>& own) {
    if (!value.is_string()) {
      report_.error(at, "must be a string, but is " + shown(value));
      return std::nullopt;
    }
    auto compiled = verify_template::compile(
      value.get_ref<const std::string&>(),
      [&](std::string text) { return report_.references.resolve(text); });
    if (auto* wrong = std::get_if<error>(&compiled)) {
      report_.error(at, std::move(wrong->detail));
      return std::nullopt;
    }
    auto made = std::get<verify_template>(std::move(compiled));
    check_expressions(report_, at, made.expressions(),
                      {{source_kind::body, source_kind::header,
                        source_kind::query, source_kind::flow},
                       {},
                       {}});
    check_words(made, at, own);
    return made;
  }

  void check_words(const verify_template& made, const pointer& at,
                   const std::vector<source>& own) {
    struct word_row {
      source word;
      std::string_view name;
      std::string_view needs;
    };

    constexpr std::string_view only_signed = "it is known to \"signed\" only";
    constexpr std::array<word_row, 7> words{{
      {source::part, "part", "it needs \"part\""},
      {source::timestamp, "timestamp", "it needs \"timestamp\""},
      {source::secret, "secret", "it needs the scheme \"hash\""},
      {source::raw, "raw", only_signed},
      {source::method, "method", only_signed},
      {source::url, "url", only_signed},
      {source::form, "form", only_signed},
    }};
    for (const auto& each : words)
      if (made.uses(each.word)
          && std::find(own.begin(), own.end(), each.word) == own.end())
        report_.error(at, "{{" + std::string{each.name}
                            + "}} is not known here, "
                            + std::string{each.needs});
  }

  void read_signature(object_reader& object) {
    read_algorithm(object);
    read_list(object);
    if (const auto encoding = object.choice("encoding", encodings()))
      made_.encoding = static_cast<byte_encoding>(*encoding);
    read_timestamp(object);
    read_digest(object);
    read_content(object);
    const auto* given = object.find("signature");
    if (given == nullptr)
      return;
    const bool many = given->is_array();
    if (many && (given->empty() || given->size() > signatures_max)) {
      object.error("signature", "must be a template or an array of 1 to "
                                  + std::to_string(signatures_max)
                                  + " of them");
      return;
    }
    for (std::size_t at = 0; at < (many ? given->size() : 1); ++at)
      if (auto made = read_template(
            many ? (*given)[at] : *given,
            many ? object.at("signature") / at : object.at("signature"), {}))
        made_.signatures.push_back(std::move(*made));
  }

  static const std::vector<std::string_view>& encodings() {
    static const std::vector<std::string_view> names{"hex", "base64"};
    return names;
  }

  static const std::vector<std::string_view>& hashes() {
    static const std::vector<std::string_view> names{"sha256", "sha512",
                                                     "sha1"};
    return names;
  }

  void read_algorithm(object_reader& object) {
    if (made_.scheme == verify_scheme::public_key) {
      static const std::vector<std::string_view> names{
        "ed25519", "ecdsa-p256-sha256", "rsa-sha256"};
      if (!object.has("algorithm"))
        report_.error(object.at(), "\"algorithm\" is missing, which the scheme "
                                   "\"public-key\" needs");
      if (const auto found = object.choice("algorithm", names))
        key_algorithm_ = static_cast<signature_algorithm>(*found);
      return;
    }
    made_.algorithm = read_hash(object);
  }

  hash_algorithm read_hash(object_reader& object) {
    const auto found = object.choice("algorithm", hashes());
    const auto made = static_cast<hash_algorithm>(found.value_or(0));
    if (made == hash_algorithm::sha1 && !around_.from_preset)
      report_.warning(object.at("algorithm"),
                      "\"sha1\" is weak; use it only for a sender that offers "
                      "nothing better");
    return made;
  }

  void read_list(object_reader& object) {
    made_.prefix = object.text("prefix").value_or("");
    const auto* part = object.find("part");
    if (part == nullptr)
      return;
    if (object.has("prefix"))
      object.error("part", "stands beside \"prefix\", allowed is one of them");
    object_reader inner{report_, *part, object.at("part"), "verify_part"};
    signature_part made{inner.text("name").value_or(""),
                        inner.text("between").value_or(","),
                        inner.text("after").value_or("=")};
    for (const auto& [key, text] :
         {std::pair{"name", &made.name}, std::pair{"between", &made.between},
          std::pair{"after", &made.after}})
      if (text->empty() && inner.has(key))
        inner.error(key, "must not be empty");
    made_.part = std::move(made);
  }

  void read_timestamp(object_reader& object) {
    const auto* value = object.find("timestamp");
    if (value == nullptr)
      return;
    static const std::vector<std::string_view> units{"s", "ms", "rfc3339"};
    object_reader inner{report_, *value, object.at("timestamp"),
                        "verify_timestamp"};
    timestamp_rule made;
    made.value = read_template(inner, "value",
                               made_.part ? std::vector{source::part}
                                          : std::vector<source>{})
                   .value_or(made.value);
    made.written = static_cast<timestamp_rule::unit>(
      inner.choice("unit", units).value_or(0));
    made.tolerance = inner.duration("tolerance", milliseconds{1000}, day)
                       .value_or(made.tolerance);
    made_.timestamp = std::move(made);
  }

  void read_digest(object_reader& object) {
    const auto* value = object.find("digest");
    if (value == nullptr)
      return;
    object_reader inner{report_, *value, object.at("digest"), "verify_digest"};
    digest_rule made;
    made.value = read_template(inner, "value", {}).value_or(made.value);
    made.algorithm = read_hash(inner);
    made.encoding = static_cast<byte_encoding>(
      inner.choice("encoding", encodings()).value_or(0));
    made_.digest = std::move(made);
  }

  void read_content(object_reader& object) {
    static const json standard = "{{raw}}";
    const auto* given = object.find("signed");
    const auto at = object.at("signed");
    std::vector<source> own{source::raw, source::method, source::url,
                            source::form};
    if (made_.timestamp)
      own.push_back(source::timestamp);
    if (made_.part)
      own.push_back(source::part);
    if (made_.scheme == verify_scheme::hash)
      own.push_back(source::secret);
    auto made = read_template(given != nullptr ? *given : standard, at, own);
    if (!made)
      return;
    made_.content = std::move(*made);
    const auto& content = made_.content;
    if (content.uses(source::url) && around_.public_url.empty())
      report_.error(at,
                    "{{url}} needs http.public-url in the settings, the URL "
                    "that the sender calls");
    if (made_.scheme == verify_scheme::hash && !content.uses(source::secret))
      report_.error(at, "has no {{secret}}, without which anybody could make "
                        "the hash");
    if (!content.uses(source::raw) && !content.uses(source::form)
        && !made_.digest && !around_.from_preset)
      report_.warning(at, "does not cover the body: a signature that was seen "
                          "once fits any other body");
  }

  // --- Secrets ---

  void read_secrets() {
    const auto* one = object_.find("secret");
    const auto* many = object_.find("secrets");
    const bool takes = made_.scheme != verify_scheme::none;
    if (takes && one == nullptr && many == nullptr)
      report_.error(object_.at(), "\"secret\" is missing, the scheme \""
                                    + std::string{row_->name} + "\" needs one");
    if (one != nullptr && many != nullptr)
      object_.error("secrets",
                    "stands beside \"secret\", allowed is one of them");
    if (!takes)
      return;
    read_key_form();
    if (one != nullptr)
      add_secret(*one, around_.secrets_at / "secret");
    if (many == nullptr)
      return;
    const bool none_yet = around_.secret_may_lack && many->is_array();
    if (!many->is_array() || (many->empty() && !none_yet)) {
      object_.error("secrets", "is no array of secrets, allowed is an array of "
                               "at least one string");
      return;
    }
    for (std::size_t i = 0; i < many->size(); ++i)
      add_secret((*many)[i], around_.secrets_at / "secrets" / i);
  }

  void read_key_form() {
    static const std::vector<std::string_view> texts{"text", "hex", "base64"};
    static const std::vector<std::string_view> keys{"pem", "hex", "spki"};
    strip_ = object_.text("strip").value_or("");
    const bool is_public = made_.scheme == verify_scheme::public_key;
    key_form_ = object_.choice("key", is_public ? keys : texts).value_or(0);
  }

  void add_secret(const json& value, const pointer& at) {
    if (made_.scheme == verify_scheme::public_key) {
      add_public_key(value, at);
      return;
    }
    auto secret = read_secret(report_, value, at);
    if (!secret)
      return;
    if (made_.scheme == verify_scheme::hmac
        || made_.scheme == verify_scheme::hash)
      add_key(*secret, at);
    made_.secrets.push_back(std::move(*secret));
  }

  void add_key(const std::string& secret, const pointer& at) {
    std::string_view text = secret;
    const bool standard = row_->name == "standard-webhooks";
    if (standard) {
      check_webhook_key(report_, at, secret);
      if (text.starts_with(webhook_key_prefix))
        text.remove_prefix(webhook_key_prefix.size());
    } else if (text.starts_with(strip_)) {
      text.remove_prefix(strip_.size());
      if (!strip_.empty() && !text.empty())
        report_.references.remember(std::string{text});
    }
    std::optional<std::string> key{text};
    if (standard || key_form_ == 2)
      key = decode_base64(text);
    else if (key_form_ == 1)
      key = decode_hex(text);
    if (key && !key->empty())
      made_.keys.push_back(std::move(*key));
    else if (!standard)
      report_.error(at, key_form_ == 0 ? "is empty, allowed is a secret"
                        : key_form_ == 1
                          ? "is no hex, as \"key\" says it is"
                          : "is no base64 with its padding (RFC 4648, section "
                            "4), as \"key\" says it is");
  }

  /// It is no secret: it may stand in the file, and messages may speak of it.
  void add_public_key(const json& value, const pointer& at) {
    const auto text = read_text(report_, value, at);
    if (!text || !key_algorithm_)
      return;
    std::string_view written = *text;
    if (written.starts_with(strip_))
      written.remove_prefix(strip_.size());
    auto key = public_key::read(
      written, static_cast<public_key_form>(key_form_), *key_algorithm_);
    if (auto* wrong = std::get_if<error>(&key))
      report_.error(at, std::move(wrong->detail));
    else
      made_.public_keys.push_back(std::get<public_key>(std::move(key)));
  }

  // --- Names ---

  void note_names() {
    const auto note = [&](const verify_template& used, bool credential) {
      made_.headers.merge(used.header_names());
      made_.query.merge(used.query_names());
      if (credential) {
        made_.credential_headers.merge(used.header_names());
        made_.credential_query.merge(used.query_names());
      }
      made_.names_body = made_.names_body || used.uses_body();
    };
    for (const auto& each : made_.signatures)
      note(each, true);
    note(made_.token, true);
    note(made_.content, false);
    if (made_.timestamp)
      note(made_.timestamp->value, false);
    if (made_.digest)
      note(made_.digest->value, false);
  }

  flow_report& report_;
  object_reader object_;
  const verify_circumstances& around_;
  const scheme_row* row_ = nullptr;
  verify_rule made_;
  std::string strip_;
  std::size_t key_form_ = 0;
  std::optional<signature_algorithm> key_algorithm_;
};

} // namespace

verify_rule read_verify(flow_report& report, const json& value,
                        const pointer& at, const verify_circumstances& around) {
  return verify_reader{report, value, at, around}.read();
}

} // namespace handoff
