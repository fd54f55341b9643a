#include "config/flow_check.hpp"
#include "config/verify_parts.hpp"

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

constexpr std::size_t signatures_max = 10;

const std::vector<std::string_view>& hashes() {
  static const std::vector<std::string_view> names{"sha256", "sha512", "sha1"};
  return names;
}

void check_words(flow_report& report, const verify_template& made,
                 const pointer& at, const std::vector<source>& own) {
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
      report.error(at, "{{" + std::string{each.name} + "}} is not known here, "
                         + std::string{each.needs});
}

class signature_reader {
public:
  signature_reader(flow_report& report, const verify_circumstances& around,
                   verify_rule& made)
      : report_{report}, around_{around}, made_{made} {}

  std::optional<signature_algorithm> read(object_reader& object) {
    read_algorithm(object);
    read_list(object);
    if (const auto encoding = object.choice("encoding", byte_encodings()))
      made_.encoding = static_cast<byte_encoding>(*encoding);
    read_timestamp(object);
    read_digest(object);
    read_content(object);
    const auto* given = object.find("signature");
    if (given == nullptr)
      return key_algorithm_;
    const bool many = given->is_array();
    if (many && (given->empty() || given->size() > signatures_max)) {
      object.error("signature", "must be a template or an array of 1 to "
                                  + std::to_string(signatures_max)
                                  + " of them");
      return key_algorithm_;
    }
    for (std::size_t at = 0; at < (many ? given->size() : 1); ++at) {
      const auto& value = many ? (*given)[at] : *given;
      const auto where =
        many ? object.at("signature") / at : object.at("signature");
      check_of_webhook(report_, value, where);
      if (auto made = read_verify_template(report_, value, where, {}))
        made_.signatures.push_back(std::move(*made));
    }
    return key_algorithm_;
  }

private:
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
      object.error("part",
                   "stands beside \"prefix\": only one of them may be given");
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
    made.tolerance =
      inner.duration("tolerance", milliseconds{1000}, tolerance_max)
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
      inner.choice("encoding", byte_encodings()).value_or(0));
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
    auto made = read_verify_template(
      report_, given != nullptr ? *given : standard, at, own);
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
    if (!around_.from_preset)
      warn_of_uncovered(object, at);
  }

  /// Whether the signature fails once what `value` takes is changed.
  bool is_covered(const verify_template& value) const {
    const auto& content = made_.content;
    const auto has_all = [](const auto& all, const auto& some) {
      return std::includes(all.begin(), all.end(), some.begin(), some.end());
    };
    return (!value.uses_body() || content.uses(source::raw))
        && (!value.uses(source::part) || content.uses(source::part))
        && has_all(content.header_names(), value.header_names())
        && (content.uses(source::url)
            || has_all(content.query_names(), value.query_names()));
  }

  void warn_of_uncovered(object_reader& object, const pointer& at) {
    const auto& content = made_.content;
    const bool has_body = content.uses(source::raw)
                       || (content.uses(source::form) && !made_.digest);
    if (!has_body && !made_.digest)
      report_.warning(at, "does not cover the body: a signature that was seen "
                          "once fits any other body");
    else if (!has_body && !is_covered(made_.digest->value))
      report_.warning(object.at("digest") / "value",
                      "is not covered by \"signed\": a signature that was "
                      "seen once fits any other body");
    if (made_.timestamp && !content.uses(source::timestamp)
        && !is_covered(made_.timestamp->value))
      report_.warning(object.at("timestamp") / "value",
                      "is not covered by \"signed\": an old signature fits a "
                      "new time");
  }

  /// The template under `key`; `own` are the words of `verify` that it may use.
  std::optional<verify_template> read_template(object_reader& object,
                                               std::string_view key,
                                               const std::vector<source>& own) {
    const auto* value = object.find(key);
    if (value == nullptr)
      return std::nullopt;
    return read_verify_template(report_, *value, object.at(key), own);
  }

  flow_report& report_;
  const verify_circumstances& around_;
  verify_rule& made_;
  std::optional<signature_algorithm> key_algorithm_;
};

} // namespace

const std::vector<std::string_view>& byte_encodings() {
  static const std::vector<std::string_view> names{"hex", "base64"};
  return names;
}

std::optional<verify_template>
read_verify_template(flow_report& report, const json& value, const pointer& at,
                     const std::vector<source>& own) {
  if (!value.is_string()) {
    report.error(at, "must be a string, but is " + shown(value));
    return std::nullopt;
  }
  auto compiled = verify_template::compile(
    value.get_ref<const std::string&>(),
    [&](const std::string& text) { return report.references.resolve(text); });
  if (auto* wrong = std::get_if<error>(&compiled)) {
    report.error(at, std::move(wrong->detail));
    return std::nullopt;
  }
  auto made = std::get<verify_template>(std::move(compiled));
  check_expressions(report, at, made.expressions(),
                    {{source_kind::body, source_kind::header,
                      source_kind::query, source_kind::flow},
                     {},
                     {}});
  check_words(report, made, at, own);
  return made;
}

void check_of_webhook(flow_report& report, const json& value,
                      const pointer& at) {
  if (value.is_string()
      && value.get_ref<const std::string&>().find("{{") == std::string::npos)
    report.error(at, "takes nothing of the webhook, which has to prove its "
                     "sender; allowed: such as \"{{header/X-Signature}}\"");
}

std::optional<signature_algorithm>
read_signature(object_reader& object, const verify_circumstances& around,
               verify_rule& made) {
  return signature_reader{object.report(), around, made}.read(object);
}

} // namespace handoff
