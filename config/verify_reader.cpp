#include "config/verify_reader.hpp"

#include "config/duration.hpp"
#include "config/flow_check.hpp"
#include "config/verify_parts.hpp"
#include "job/exchange.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

namespace handoff {

namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using std::chrono::milliseconds;

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
    read_verify_secrets(object_, row_->name, algorithm_, around_, made_);
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
                           + std::string{row_->name} + "\": it belongs to "
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
      read_token();
    if (made_.scheme != verify_scheme::hmac
        && made_.scheme != verify_scheme::hash
        && made_.scheme != verify_scheme::public_key)
      return;
    if (row_->name == "hmac" || made_.scheme != verify_scheme::hmac) {
      algorithm_ = read_signature(object_, around_, made_);
      return;
    }
    read_short_form();
  }

  void read_short_form() {
    auto header = object_.text("header").value_or("X");
    if (row_->name == "hmac-sha256" && !is_header_name(header)) {
      object_.error("header",
                    shown(*object_.find("header")) + " is not a header's name");
      return;
    }
    // What signs in this way does not always write the prefix.
    made_.prefix_needed = row_->name != "hmac-sha256";
    const auto encoding =
      object_.choice("encoding", byte_encodings()).value_or(0);
    const auto tolerance =
      object_.duration("tolerance", milliseconds{1000}, tolerance_max)
        .value_or(timestamp_rule{}.tolerance);
    const auto full =
      written_out(row_->name, header, byte_encodings()[encoding], tolerance);
    object_reader inner{report_, full, object_.at(), "verify"};
    read_signature(inner, around_, made_);
  }

  void read_token() {
    const auto* value = object_.find("value");
    if (value == nullptr)
      return;
    const auto at = object_.at("value");
    check_of_webhook(report_, *value, at);
    if (auto token = read_verify_template(report_, *value, at, {}))
      made_.token = std::move(*token);
  }

  std::string read_user() {
    auto user = object_.text("user").value_or("");
    // The colon ends it (RFC 7617, section 2).
    if (user.find(':') != std::string::npos)
      object_.error("user", "must not have a colon in it (RFC 7617)");
    return user;
  }

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
  std::optional<signature_algorithm> algorithm_;
};

} // namespace

verify_rule read_verify(flow_report& report, const json& value,
                        const pointer& at, const verify_circumstances& around) {
  return verify_reader{report, value, at, around}.read();
}

} // namespace handoff
