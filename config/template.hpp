#pragma once

#include "config/secrets.hpp"
#include "config/template_function.hpp"
#include "job/error.hpp"
#include "job/webhook.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// How an HMAC in place of a value is written; `none`: it is the value itself.
enum class mac_encoding { none, hex, base64 };

/// What the expressions of a flow can speak of. Everything is borrowed: it must
/// outlive the call that it is handed to. A null pointer is "not known yet".
struct template_context {
  const webhook* hook = nullptr;
  /// The body of the webhook as JSON, as far as it is needed to find what the
  /// pointer points to; null if it cannot be read.
  std::function<const nlohmann::json*(const nlohmann::json::json_pointer&)>
    body = {};
  /// The flow's HMAC of a text; none if it must not be made. Only where a
  /// handshake is answered.
  std::function<std::optional<std::string>(mac_encoding, std::string_view text)>
    mac = {};
  /// A string or an integer.
  const nlohmann::json* uid = nullptr;
  /// As it is kept with the job (config/kept_answer), as are those of
  /// sub-actions.
  const nlohmann::json* clone_answer = nullptr;
  /// The answer of the sub-action with this name; null if it has none.
  std::function<const nlohmann::json*(std::string_view name)> sub_answer = {};
  /// The answers of the elements of the sub-action with this name, as an array;
  /// nothing if it has none, or is made once.
  std::function<std::optional<nlohmann::json>(std::string_view name)>
    sub_elements = {};
  /// The first answer of a clone that is polled, kept as the others.
  const nlohmann::json* accepted = nullptr;
  /// The answers of the calls before the clone by name, kept as the others.
  const nlohmann::json* prepared = nullptr;
  /// What answers are unsealed with; null if they are not sealed.
  const secrets* hidden = nullptr;
  /// The step whose request is made, as its idempotency key names it.
  std::string_view step = {};
  /// The element of a `for_each`, and its number from 0.
  const nlohmann::json* item = nullptr;
  std::optional<std::size_t> index = {};
};

/// Where the text of an expression ends up, which decides how its value is made
/// harmless.
enum class template_place {
  /// Percent-encoded (RFC 3986, section 2.1), so that a value can change
  /// neither scheme, host nor the number of path segments, also for a server
  /// that decodes it once or more before it routes: see url_builder.
  url,
  /// Refused when it holds a CR, an LF or another control character but a tab.
  header,
  /// Taken as it is.
  text,
};

/// One `{{…}}` of a flow: `{{uid}}`, `{{body/a/b ?? "none" | upper}}`.
struct template_expression {
  enum class source_kind {
    uid,
    job,
    flow,
    body,
    clone,
    sub,
    header,
    query,
    received,        ///< when the webhook came, in RFC 3339
    uuid,            ///< of the job and the step: the same in each attempt
    item,            ///< the element of a `for_each`
    index,           ///< its number
    clone_header,    ///< a field of the clone's answer
    sub_header,      ///< a field of a sub-action's answer
    accepted,        ///< the first answer of a clone that is polled
    accepted_header, ///< a field of it
    prepare,         ///< the answer of a call before the clone
    prepare_header,  ///< a field of it
  };
  source_kind source = source_kind::uid;
  /// The header's, query parameter's, sub-action's or prepared call's name.
  std::string name;
  /// The field's name, of `sub_header` and `prepare_header`.
  std::string field;
  nlohmann::json::json_pointer pointer;
  /// Stands in where the value is missing (RFC 6901, section 7) or null.
  std::optional<nlohmann::json> fallback;
  /// Of `{{hmac/…}}` and `{{hmac64/…}}`: the flow's HMAC of the value or the
  /// fallback, before the functions.
  mac_encoding mac = mac_encoding::none;
  /// Applied to the value or the fallback, from left to right.
  std::vector<template_function> functions;
  /// As it stands in the flow, for messages.
  std::string text;

  /// Whether slashes of its value separate segments of a path.
  bool makes_segments() const noexcept {
    return !functions.empty()
        && functions.back().kind == template_function::function_kind::segments;
  }
};

/// What is known at load of the value that `expression` gives, by its source
/// and its functions.
value_type type_of(const template_expression& expression);

/// What to say of an expression that gives an array where a text is made.
inline constexpr std::string_view array_in_text =
  "gives an array, which cannot be part of a text; allowed: | join \",\" or "
  "| json behind it";

/// Replaces what stands around and in the defaults of expressions while a
/// template is compiled: this is where references to secrets are resolved, so
/// that a secret with "{{" in it is never taken for an expression.
using literal_filter = std::function<result<std::string>(std::string literal)>;

/// The part of `document` that `pointer` points to; null if there is none.
const nlohmann::json*
find_at(const nlohmann::json& document,
        const nlohmann::json::json_pointer& pointer) noexcept;

/// A string with expressions in it, compiled once, at load.
class text_template {
public:
  text_template() = default;

  /// Compiles `text`. Error `template_failed`: an expression that is not
  /// closed, is empty, names no known source or function, has a malformed
  /// pointer, default or argument, or a function that cannot take what stands
  /// before it.
  static result<text_template> compile(std::string_view text);

  /// The same, each literal and each default that is a string going through
  /// `filter`, whose error ends it.
  static result<text_template> compile(std::string_view text,
                                       const literal_filter& filter);

  /// Error `template_failed`: a value is missing or null and has no default, is
  /// an object or an array (no text), is refused at this `place`, or is not
  /// what a function needs.
  result<std::string> render(const template_context& context,
                             template_place place) const;

  /// The value of the expression, with its type, if the string is one
  /// expression and nothing else; else the rendered text.
  result<nlohmann::json> render_json(const template_context& context) const;

  const std::vector<template_expression>& expressions() const noexcept {
    return expressions_;
  }

  /// What stands around the expressions, in order: one more than these.
  const std::vector<std::string>& literals() const noexcept {
    return literals_;
  }

private:
  result<std::string> render_url(const template_context& context) const;

  // Literals stand around the expressions: there is one more of them.
  std::vector<std::string> literals_{std::string{}};
  std::vector<template_expression> expressions_;
};

/// Whether the source of `expression` is there, without its default; where it
/// is wanted as a text, null is not enough.
bool has_value(const template_expression& expression,
               const template_context& context, bool as_text);

/// A JSON value whose strings may hold expressions, compiled once, at load.
/// Keys of objects are taken as they are.
class json_template {
public:
  json_template() = default;

  /// Error `template_failed` with the JSON pointer of the string in `detail`.
  static result<json_template> compile(const nlohmann::json& value);

  /// The same, every string going through `filter` as `text_template` does it.
  static result<json_template> compile(const nlohmann::json& value,
                                       const literal_filter& filter);

  result<nlohmann::json> render(const template_context& context) const;

  /// Every expression in it, in no order.
  std::vector<const template_expression*> expressions() const;

  /// The strings with expressions, by where they stand in the value.
  std::vector<std::pair<nlohmann::json::json_pointer, const text_template*>>
  texts() const;

  /// Those that are a part of a text, where null will not do.
  std::vector<const template_expression*> expressions_in_text() const;

private:
  struct slot {
    nlohmann::json::json_pointer at;
    text_template text;
  };

  std::optional<error> collect(nlohmann::json& value,
                               const nlohmann::json::json_pointer& at,
                               const literal_filter& filter);

  nlohmann::json skeleton_;
  std::vector<slot> slots_;
};

} // namespace handoff
