#include "http/ingress/signer.hpp"

#include "http/front_door/target.hpp"
#include "http/ingress/verifier.hpp"
#include "job/base64.hpp"
#include "job/hex.hpp"
#include "job/json_body.hpp"
#include "job/json_text.hpp"
#include "job/timestamp.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <strings.h>

namespace handoff {
namespace {

using source = verify_template::source;
using source_kind = template_expression::source_kind;
using std::chrono::duration_cast;

error refused(std::string why) {
  return {error_kind::invalid_request, std::move(why)};
}

std::string encoded(std::string_view bytes, byte_encoding encoding) {
  return encoding == byte_encoding::base64 ? encode_base64(bytes)
                                           : encode_hex(bytes);
}

std::string percent_encoded(std::string_view text) {
  std::string made;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                    || (c >= '0' && c <= '9') || c == '-' || c == '.'
                    || c == '_' || c == '~';
    made += plain ? std::string{c} : "%" + encode_hex({&c, 1});
  }
  return made;
}

void set_header(headers& fields, const std::string& name, std::string value) {
  std::erase_if(fields, [&](const auto& each) {
    return ::strcasecmp(each.name.c_str(), name.c_str()) == 0;
  });
  fields.push_back({name, std::move(value)});
}

/// The name of the part of a list that a template looks at, if it does.
std::optional<std::string> part_of(const verify_template& place) {
  if (!place.uses(source::part))
    return std::nullopt;
  std::string found;
  verify_values values;
  values.header = [](std::string_view) {
    return nullptr;
  };
  values.part = [&](std::string_view name) -> std::optional<std::string_view> {
    found = name;
    return "";
  };
  (void)place.render(values);
  return found;
}

class signing {
public:
  signing(const verify_rule& rule, signed_request& request, wall_time now,
          std::string_view flow)
      : rule_{rule}, request_{request}, now_{now}, flow_{flow} {}

  std::optional<error> run() {
    if (rule_.scheme == verify_scheme::none)
      return std::nullopt;
    if (rule_.scheme == verify_scheme::public_key)
      return refused("the flow has only the public key: nobody but the sender "
                     "can sign");
    if (rule_.secrets.empty())
      return refused("the flow has no secret yet; it comes with the handshake");
    const auto& secret = rule_.secrets.front();
    switch (rule_.scheme) {
    case verify_scheme::bearer:
      set_header(request_.fields, "Authorization", "Bearer " + secret);
      return std::nullopt;
    case verify_scheme::basic:
      set_header(request_.fields, "Authorization",
                 "Basic " + encode_base64(rule_.user + ":" + secret));
      return std::nullopt;
    case verify_scheme::token:
      return put(rule_.token, secret);
    default:
      return sign_content();
    }
  }

private:
  /// Puts a value where a template looks for it.
  std::optional<error> put(const verify_template& place, std::string value) {
    const auto* expression = place.only_expression();
    if (expression == nullptr)
      return refused("a place that \"verify\" looks at is more than one "
                     "expression, so that nothing can be put there");
    switch (expression->source) {
    case source_kind::header:
      set_header(request_.fields, expression->name, std::move(value));
      return std::nullopt;
    case source_kind::query:
      put_query(expression->name, value);
      return std::nullopt;
    case source_kind::body:
      return put_body(expression->pointer, std::move(value));
    default:
      return refused("nothing can be put where " + expression->text + " looks");
    }
  }

  void put_query(const std::string& name, const std::string& value) {
    std::string kept;
    std::string_view rest = request_.query;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('&'), rest.size());
      const auto pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const auto read = query_pairs(pair);
      if (read.empty() || read.front().first != name)
        kept += (kept.empty() ? "" : "&") + std::string{pair};
    }
    request_.query = kept + (kept.empty() ? "" : "&") + percent_encoded(name)
                   + "=" + percent_encoded(value);
  }

  std::optional<error> put_body(const nlohmann::json::json_pointer& at,
                                std::string value) {
    auto parsed = parse_json_body(request_.body);
    if (std::holds_alternative<error>(parsed))
      return refused("the signature stands in the body, which has to be JSON");
    auto& body = std::get<nlohmann::json>(parsed);
    const bool is_number =
      !value.empty()
      && value.find_first_not_of("0123456789") == std::string::npos
      && value.size() < 18;
    try {
      // A timestamp is a number in JSON.
      if (is_number)
        body[at] = std::stoll(value);
      else
        body[at] = std::move(value);
    } catch (const nlohmann::json::exception&) {
      return refused("the body has no place for " + at.to_string());
    }
    request_.body = json_text(body);
    return std::nullopt;
  }

  std::string time_text() const {
    const auto since = now_.time_since_epoch();
    switch (rule_.timestamp->written) {
    case timestamp_rule::unit::ms:
      return std::to_string(
        duration_cast<std::chrono::milliseconds>(since).count());
    case timestamp_rule::unit::rfc3339:
      return timestamp(now_);
    case timestamp_rule::unit::s:
      break;
    }
    return std::to_string(duration_cast<std::chrono::seconds>(since).count());
  }

  /// The signature as it is sent: with its prefix, or as a part of a list.
  std::string written(std::string_view mac) const {
    const auto text = encoded(mac, rule_.encoding);
    if (!rule_.part)
      return rule_.prefix + text;
    const auto& part = *rule_.part;
    std::string made;
    if (time_part_)
      made = *time_part_ + part.after + time_ + part.between;
    return made + part.name + part.after + text;
  }

  std::optional<error> sign_content() {
    if (rule_.timestamp) {
      time_ = time_text();
      time_part_ = part_of(rule_.timestamp->value);
      if (!time_part_)
        if (auto wrong = put(rule_.timestamp->value, time_))
          return wrong;
    }
    for (const auto& name : rule_.content.header_names())
      if (find_header(request_.fields, name) == nullptr)
        set_header(request_.fields, name,
                   "msg_"
                     + std::to_string(duration_cast<std::chrono::microseconds>(
                                        now_.time_since_epoch())
                                        .count()));
    if (auto wrong = put_digest())
      return wrong;
    // What has to be signed, verify() itself says.
    const auto& place = rule_.signatures.front();
    const std::string nothing(digest_bytes(rule_.algorithm), '\0');
    if (auto wrong = put(place, written(nothing)))
      return wrong;
    verify_notes notes;
    const auto refusal = verify(rule_,
                                {request_.method, request_.path, request_.query,
                                 request_.fields, request_.body, now_, flow_},
                                &notes);
    if (!notes.expected)
      return refused("what has to be signed is not known: "
                     + (refusal ? refusal->detail : std::string{}));
    return put(place, written(*notes.expected));
  }

  std::optional<error> put_digest() {
    if (!rule_.digest)
      return std::nullopt;
    const auto* type = find_header(request_.fields, "Content-Type");
    const bool is_form =
      type != nullptr && type->starts_with("application/x-www-form-urlencoded");
    if (rule_.covers_form() && is_form)
      return std::nullopt;
    const auto made = message_digest(rule_.digest->algorithm, request_.body);
    return put(rule_.digest->value,
               encoded(made.value_or(""), rule_.digest->encoding));
  }

  const verify_rule& rule_;
  signed_request& request_;
  wall_time now_;
  std::string_view flow_;
  std::string time_;
  std::optional<std::string> time_part_;
};

} // namespace

std::optional<error> sign(const verify_rule& rule, signed_request& request,
                          wall_time now, std::string_view flow) {
  return signing{rule, request, now, flow}.run();
}

} // namespace handoff
