#include "config/secret_reader.hpp"
#include "config/verify_parts.hpp"
#include "job/base64.hpp"
#include "job/hex.hpp"

#include <string_view>
#include <utility>
#include <variant>

namespace handoff {

namespace {

using nlohmann::json;
using pointer = json::json_pointer;

constexpr std::string_view webhook_key_prefix = "whsec_";

class secrets_reader {
public:
  secrets_reader(object_reader& object, std::string_view scheme,
                 std::optional<signature_algorithm> algorithm,
                 const verify_circumstances& around, verify_rule& made)
      : report_{object.report()},
        object_{object},
        scheme_{scheme},
        key_algorithm_{algorithm},
        around_{around},
        made_{made} {}

  void read() {
    const auto* one = object_.find("secret");
    const auto* many = object_.find("secrets");
    const bool takes = made_.scheme != verify_scheme::none;
    if (takes && one == nullptr && many == nullptr)
      report_.error(object_.at(), "\"secret\" is missing, the scheme \""
                                    + std::string{scheme_} + "\" needs one");
    if (one != nullptr && many != nullptr)
      object_.error("secrets",
                    "stands beside \"secret\": only one of them may be given");
    if (!takes)
      return;
    read_key_form();
    if (one != nullptr)
      add_secret(*one, around_.secrets_at / "secret");
    if (many == nullptr)
      return;
    const bool none_yet = around_.secret_may_lack && many->is_array();
    if (!many->is_array() || (many->empty() && !none_yet)) {
      object_.report().error(
        around_.secrets_at / "secrets",
        "is not an array of secrets; allowed: an array of at least one string");
      return;
    }
    for (std::size_t i = 0; i < many->size(); ++i)
      add_secret((*many)[i], around_.secrets_at / "secrets" / i);
  }

private:
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
    const bool standard = scheme_ == "standard-webhooks";
    if (standard) {
      check_webhook_key(report_, at, secret);
      if (text.starts_with(webhook_key_prefix))
        text.remove_prefix(webhook_key_prefix.size());
    } else if (text.starts_with(strip_)) {
      text.remove_prefix(strip_.size());
      if (!strip_.empty() && !text.empty())
        report_.references.remember(std::string{text},
                                    at.to_string() + " without its prefix");
    }
    std::optional<std::string> key{text};
    if (standard || key_form_ == 2)
      key = decode_base64(text);
    else if (key_form_ == 1)
      key = decode_hex(text);
    if (key && !key->empty())
      made_.keys.push_back(std::move(*key));
    else if (!standard)
      report_.error(at, key_form_ == 0 ? "must not be empty"
                        : key_form_ == 1
                          ? "is not hex, as \"key\" says it is"
                          : "is not base64 with its padding (RFC 4648, section "
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

  flow_report& report_;
  object_reader& object_;
  std::string_view scheme_;
  std::optional<signature_algorithm> key_algorithm_;
  const verify_circumstances& around_;
  verify_rule& made_;
  std::string strip_;
  std::size_t key_form_ = 0;
};

} // namespace

void read_verify_secrets(object_reader& object, std::string_view scheme,
                         std::optional<signature_algorithm> algorithm,
                         const verify_circumstances& around,
                         verify_rule& made) {
  secrets_reader{object, scheme, algorithm, around, made}.read();
}

} // namespace handoff
