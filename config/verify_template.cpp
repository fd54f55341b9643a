#include "config/verify_template.hpp"

#include "job/exchange.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using source_kind = template_expression::source_kind;

struct own_word {
  std::string_view word;
  verify_template::source from;
};

constexpr std::array own_words{
  own_word{"raw", verify_template::source::raw},
  own_word{"timestamp", verify_template::source::timestamp},
  own_word{"method", verify_template::source::method},
  own_word{"url", verify_template::source::url},
  own_word{"form", verify_template::source::form},
  own_word{"secret", verify_template::source::secret},
};

/// Where the expression that begins at `open` ends, behind its braces. Braces
/// within double quotes are no end.
std::size_t end_of(std::string_view text, std::size_t open) noexcept {
  bool quoted = false;
  for (auto at = open + 2; at < text.size(); ++at) {
    if (quoted && text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      quoted = !quoted;
    else if (!quoted && text.substr(at, 2) == "}}")
      return at + 2;
  }
  return npos;
}

error missing(std::string what) {
  return {error_kind::unauthorized, std::move(what)};
}

/// A value of the request that stands for an own word of `verify`.
std::string_view own_value(verify_template::source from,
                           const verify_values& values) noexcept {
  switch (from) {
  case verify_template::source::raw:
    return values.raw;
  case verify_template::source::timestamp:
    return values.timestamp;
  case verify_template::source::method:
    return values.method;
  case verify_template::source::url:
    return values.url;
  case verify_template::source::form:
    return values.form;
  case verify_template::source::secret:
    return values.secret;
  default:
    return {};
  }
}

/// What an expression that is missing stands for, in the sender's words; for
/// another reason, `detail`.
std::string why_missing(const text_template& used, std::string detail) {
  if (used.expressions().size() != 1
      || !detail.ends_with("is missing and has no default"))
    return detail;
  const auto& expression = used.expressions().front();
  switch (expression.source) {
  case source_kind::query:
    return "the query parameter " + expression.name + " is missing";
  case source_kind::header:
    return "the header " + expression.name + " is missing";
  case source_kind::body:
    return "the body has no " + expression.pointer.to_string();
  default:
    return detail;
  }
}

} // namespace

result<verify_template> verify_template::compile(std::string_view text,
                                                 const literal_filter& filter) {
  const auto literal = [&](std::string_view part) {
    return part.empty() ? result<std::string>{std::string{}}
                        : filter(std::string{part});
  };
  verify_template made;
  std::size_t from = 0;
  for (;;) {
    const auto open = text.find("{{", from);
    auto before = literal(text.substr(from, open == npos ? npos : open - from));
    if (auto* wrong = std::get_if<error>(&before))
      return std::move(*wrong);
    if (open == npos) {
      made.tail_ = std::get<std::string>(std::move(before));
      return made;
    }
    const auto end = end_of(text, open);
    if (end == npos)
      return error{error_kind::template_failed,
                   std::string{text.substr(open)}
                     + " is not closed, it needs }} at its end"};
    const auto whole = text.substr(open, end - open);
    const auto inner = trimmed(whole.substr(2, whole.size() - 4));
    from = end;
    piece next;
    next.literal = std::get<std::string>(std::move(before));
    const auto* own =
      std::find_if(own_words.begin(), own_words.end(),
                   [&](const auto& each) { return each.word == inner; });
    if (own != own_words.end()) {
      next.from = own->from;
    } else if (inner.starts_with("part/") && inner.size() > 5) {
      next.from = source::part;
      next.name = inner.substr(5);
    } else {
      auto compiled = text_template::compile(whole, filter);
      if (auto* wrong = std::get_if<error>(&compiled))
        return std::move(*wrong);
      next.expression = std::get<text_template>(std::move(compiled));
      const auto& used = next.expression.expressions();
      const bool plain = used.size() == 1
                      && used.front().source == source_kind::header
                      && inner.find_first_of("?|") == npos;
      if (plain) {
        next.from = source::header;
        next.name = used.front().name;
      }
    }
    made.pieces_.push_back(std::move(next));
  }
}

result<std::string> verify_template::render(const verify_values& values) const {
  std::string made;
  for (const auto& each : pieces_) {
    made += each.literal;
    switch (each.from) {
    case source::header: {
      const auto* value = values.header(each.name);
      if (value == nullptr)
        return missing("the header " + each.name + " is missing");
      if (value->empty())
        return missing("the header " + each.name + " is empty");
      made += *value;
      break;
    }
    case source::part: {
      const auto value = values.part(each.name);
      if (!value)
        return missing("the signature has no part \"" + each.name + '"');
      made += *value;
      break;
    }
    case source::other: {
      template_context context;
      context.hook = &values.hook();
      context.body = [&values](const auto&) {
        return values.body;
      };
      auto value = each.expression.render(context, template_place::text);
      if (auto* wrong = std::get_if<error>(&value))
        return missing(why_missing(each.expression, std::move(wrong->detail)));
      made += std::get<std::string>(value);
      break;
    }
    default:
      made += own_value(each.from, values);
    }
  }
  made += tail_;
  return made;
}

bool verify_template::uses(source wanted) const noexcept {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [&](const auto& each) { return each.from == wanted; });
}

std::vector<const template_expression*> verify_template::expressions() const {
  std::vector<const template_expression*> all;
  for (const auto& each : pieces_)
    for (const auto& expression : each.expression.expressions())
      all.push_back(&expression);
  return all;
}

std::set<std::string> verify_template::header_names() const {
  std::set<std::string> names;
  for (const auto* each : expressions())
    if (each->source == source_kind::header)
      names.insert(lower_case(each->name));
  return names;
}

std::set<std::string> verify_template::query_names() const {
  std::set<std::string> names;
  for (const auto* each : expressions())
    if (each->source == source_kind::query)
      names.insert(each->name);
  return names;
}

bool verify_template::uses_body() const noexcept {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const auto& each) {
    const auto& used = each.expression.expressions();
    return std::any_of(used.begin(), used.end(), [](const auto& one) {
      return one.source == source_kind::body;
    });
  });
}

const template_expression* verify_template::only_expression() const noexcept {
  if (pieces_.size() != 1 || !tail_.empty() || !pieces_[0].literal.empty()
      || pieces_[0].expression.expressions().size() != 1)
    return nullptr;
  return &pieces_[0].expression.expressions().front();
}

const std::string* verify_template::header_before_timestamp() const noexcept {
  for (std::size_t at = 0; at + 1 < pieces_.size(); ++at)
    if (pieces_[at].from == source::header
        && pieces_[at + 1].from == source::timestamp
        && pieces_[at + 1].literal == ".")
      return &pieces_[at].name;
  return nullptr;
}

} // namespace handoff
