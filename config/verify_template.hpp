#pragma once

#include "config/template.hpp"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// What the templates of `verify` can speak of beside a webhook's header, query
/// and body. Everything is borrowed for the time of one call.
struct verify_values {
  /// The value of a header; null if there is none.
  std::function<const std::string*(std::string_view name)> header;
  /// The first part of the signature that has this name.
  std::function<std::optional<std::string_view>(std::string_view name)> part;
  /// For all other expressions. Asked at most once per text.
  std::function<const webhook&()> hook;
  /// The body of it, read; null if nobody reads it.
  const nlohmann::json* body = nullptr;
  std::string_view raw;
  std::string_view timestamp;
  std::string_view method;
  std::string_view url;
  std::string_view form;
  std::string_view secret;
};

/// A text of `verify` with expressions in it, compiled once, at load. Knows,
/// beside the expressions that a flow has elsewhere, those of a signed text.
class verify_template {
public:
  enum class source {
    header,
    part,
    raw,
    timestamp,
    method,
    url,
    form,
    secret,
    other,
  };

  /// An expression, with what stands in front of it.
  struct piece {
    source from = source::other;
    /// The header's or part's name.
    std::string name;
    /// One expression, of `header` and `other`.
    text_template expression;
    std::string literal;
  };

  verify_template() = default;

  /// Error `template_failed` as text_template::compile() says.
  static result<verify_template> compile(std::string_view text,
                                         const literal_filter& filter);

  /// The bytes of it. Error `unauthorized`: the webhook lacks something that
  /// it needs.
  result<std::string> render(const verify_values& values) const;

  const std::vector<piece>& pieces() const noexcept { return pieces_; }

  /// What stands behind the last expression.
  const std::string& tail() const noexcept { return tail_; }

  bool uses(source wanted) const noexcept;

  /// Names of headers in lower case, of query parameters as they are.
  std::set<std::string> header_names() const;
  std::set<std::string> query_names() const;
  bool uses_body() const noexcept;

  /// Every expression that is not known to `verify` alone, for checks.
  std::vector<const template_expression*> expressions() const;

  /// The header or query parameter that is all of the text, or the member of
  /// the body; none if it is more than one such expression.
  const template_expression* only_expression() const noexcept;

  /// Whether a value of a header stands before ".{{timestamp}}": if it had a
  /// full stop in it, it could be read as another value and timestamp.
  const std::string* header_before_timestamp() const noexcept;

private:
  std::vector<piece> pieces_;
  std::string tail_;
};

} // namespace handoff
