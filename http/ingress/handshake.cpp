#include "http/ingress/handshake.hpp"

#include "actors/replies.hpp"
#include "config/signable_word.hpp"
#include "config/verify_crypto.hpp"
#include "job/base64.hpp"
#include "job/hex.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

template_context context_for(const webhook& hook,
                             const nlohmann::json& document) {
  template_context context;
  context.hook = &hook;
  context.body = [&document](const auto&) {
    return &document;
  };
  return context;
}

/// Lets expressions have the flow's HMAC of a value, with its first secret.
void allow_macs(template_context& context, const flow& definition,
                bool unverified) {
  context.mac = [&rule = definition.verify, unverified](
                  mac_encoding encoding,
                  std::string_view text) -> std::optional<std::string> {
    if (rule.keys.empty() || (unverified && !is_signable_word(rule, text)))
      return std::nullopt;
    const auto mac = message_mac(rule.algorithm, rule.keys.front(), text);
    if (!mac)
      return std::nullopt;
    return encoding == mac_encoding::hex ? encode_hex(*mac)
                                         : encode_base64(*mac);
  };
}

/// JSON text in which nothing looks like a tag: the characters stand only in
/// its strings.
std::string without_tags(const std::string& json_text) {
  std::string made;
  made.reserve(json_text.size());
  for (const auto c : json_text)
    if (c == '<')
      made += "\\u003c";
    else if (c == '>')
      made += "\\u003e";
    else if (c == '&')
      made += "\\u0026";
    else
      made += c;
  return made;
}

bool is_wanted(const condition& asked, const template_context& context) {
  condition_view view;
  view.context = &context;
  return holds(asked, view);
}

/// What somebody unknown may have answered: short, and never taken for a page.
std::optional<error> make_harmless(reply& answer) {
  const auto* type = find_header(answer.headers, "Content-Type");
  if (type != nullptr && *type == "application/json")
    answer.body = without_tags(answer.body);
  std::size_t bytes = answer.body.size();
  for (const auto& each : answer.headers)
    bytes += each.name.size() + each.value.size();
  if (bytes > unverified_answer_bytes_max)
    return error{error_kind::invalid_request,
                 "the answer would have more than "
                   + std::to_string(unverified_answer_bytes_max) + " bytes"};
  // Browsers look at the first one alone.
  constexpr auto sniffing = "X-Content-Type-Options";
  std::erase_if(answer.headers, [](const header& each) {
    return lower_case(each.name) == lower_case(sniffing);
  });
  answer.headers.push_back({sniffing, "nosniff"});
  return std::nullopt;
}

result<handshake_answer> answer_of(const flow& definition,
                                   const handshake_rule& rule,
                                   template_context context) {
  allow_macs(context, definition, !rule.verified);
  auto rendered = render_reply(rule.reply, context, {{{"status", "ok"}}});
  if (const auto* failed = std::get_if<error>(&rendered))
    return error{error_kind::invalid_request, failed->detail};
  handshake_answer made{std::get<reply>(std::move(rendered)), std::nullopt};
  if (!rule.verified)
    if (auto failed = make_harmless(made.reply))
      return std::move(*failed);
  if (rule.show) {
    auto shown = rule.show->render(context, template_place::text);
    if (auto* text = std::get_if<std::string>(&shown))
      made.shown = std::move(*text);
  }
  return made;
}

} // namespace

bool has_handshake(const flow& definition, std::string_view method,
                   handshake_kind kind) {
  return std::any_of(definition.handshake.begin(), definition.handshake.end(),
                     [&](const handshake_rule& each) {
                       return each.method == method
                           && (kind == handshake_kind::any
                               || each.verified
                                    == (kind == handshake_kind::verified));
                     });
}

result<std::optional<handshake_answer>>
handshake(const flow& definition, std::string_view method, const webhook& hook,
          const nlohmann::json& document, bool verified) {
  const auto context = context_for(hook, document);
  for (const auto& each : definition.handshake) {
    if (each.method != method || (each.verified && !verified)
        || !is_wanted(each.when, context))
      continue;
    auto answer = answer_of(definition, each, context);
    if (auto* failed = std::get_if<error>(&answer))
      return std::move(*failed);
    return std::get<handshake_answer>(std::move(answer));
  }
  return std::nullopt;
}

std::optional<reply> ignored_reply(const flow& definition, const webhook& hook,
                                   const nlohmann::json& document) {
  const auto context = context_for(hook, document);
  if (is_wanted(definition.when, context))
    return std::nullopt;
  const nlohmann::json standard{{"status", "ignored"}};
  if (definition.otherwise) {
    auto rendered = render_reply(*definition.otherwise, context, {standard});
    if (auto* good = std::get_if<reply>(&rendered))
      return std::move(*good);
  }
  return json_reply(200, standard);
}

std::string allowed_methods(const flow& definition) {
  std::string methods = "POST";
  for (const auto& each : definition.handshake)
    if (methods.find(each.method) == std::string::npos)
      methods += ", " + each.method;
  return methods;
}

} // namespace handoff
