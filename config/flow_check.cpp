#include "config/flow_check.hpp"

#include "config/nearest_name.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

namespace handoff {

namespace {

using nlohmann::json;
using source_kind = template_expression::source_kind;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
      || (c >= '0' && c <= '9');
}

bool equal_no_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view word_of(source_kind kind) {
  switch (kind) {
  case source_kind::uid:
    return "uid";
  case source_kind::job:
    return "job";
  case source_kind::flow:
    return "flow";
  case source_kind::body:
    return "body";
  case source_kind::clone:
    return "clone";
  case source_kind::sub:
    return "sub";
  case source_kind::header:
    return "header";
  case source_kind::accepted:
    return "accepted";
  case source_kind::accepted_header:
    return "accepted-header";
  case source_kind::prepare:
    return "prepare";
  case source_kind::prepare_header:
    return "prepare-header";
  case source_kind::query:
    return "query";
  case source_kind::received:
    return "received";
  case source_kind::uuid:
    return "uuid";
  case source_kind::item:
    return "item";
  case source_kind::index:
    return "index";
  case source_kind::clone_header:
    return "clone-header";
  case source_kind::sub_header:
    return "sub-header";
  }
  return {};
}

void check_sub(flow_report& report, const json::json_pointer& at,
               const template_expression& used, const expression_scope& scope) {
  if (scope.subs.contains(used.name))
    return;
  if (scope.all_subs.contains(used.name)) {
    report.error(at, used.text
                       + " is not known here; allowed: sub-actions that "
                         "\"after\" names, directly or through others");
    return;
  }
  const std::vector<std::string_view> names{scope.all_subs.begin(),
                                            scope.all_subs.end()};
  report.error(at, used.text + " names no sub-action of this flow"
                     + did_you_mean(used.name, names));
}

/// The name of a header in an expression; null if it has none.
const std::string* header_name_of(const template_expression& used) {
  switch (used.source) {
  case source_kind::header:
  case source_kind::clone_header:
    return &used.name;
  case source_kind::sub_header:
  case source_kind::prepare_header:
    return &used.field;
  default:
    return nullptr;
  }
}

std::string why_bad_authority(std::string_view authority,
                              std::string_view instead) {
  if (authority.find('@') != npos)
    return "has user information in it; allowed: " + std::string{instead};
  auto host = authority.substr(0, authority.rfind(':'));
  auto port = authority.rfind(':') == npos
              ? std::string_view{}
              : authority.substr(authority.rfind(':') + 1);
  bool has_port = authority.rfind(':') != npos;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == npos || close < 3)
      return "has a malformed IPv6 address as host";
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    has_port = port.starts_with(':');
    if (has_port)
      port.remove_prefix(1);
    else if (!port.empty())
      return "has a malformed IPv6 address as host";
    if (host.find_first_not_of("0123456789abcdefABCDEF:.") != npos)
      return "has a malformed IPv6 address as host";
  } else if (host.empty() || !std::all_of(host.begin(), host.end(), [](char c) {
               return is_alnum(c) || c == '.' || c == '-' || c == '_';
             })) {
    return "has no host or a malformed one";
  }
  std::uint32_t number = 0;
  const auto [end, failure] =
    std::from_chars(port.data(), port.data() + port.size(), number);
  if (has_port
      && (failure != std::errc{} || end != port.data() + port.size()
          || number == 0 || number > 65535))
    return "has a bad port; allowed: 1 to 65535";
  return {};
}

/// Finds a cycle that can be reached from `from` and writes it as its path.
bool find_cycle(const std::vector<sub_action_template>& all, std::size_t from,
                std::vector<std::uint8_t>& colour,
                std::vector<std::size_t>& path) {
  colour[from] = 1;
  path.push_back(from);
  for (const auto next : all[from].rule.after) {
    if (colour[next] == 1) {
      path.erase(path.begin(), std::find(path.begin(), path.end(), next));
      path.push_back(next);
      return true;
    }
    if (colour[next] == 0 && find_cycle(all, next, colour, path))
      return true;
  }
  colour[from] = 2;
  path.pop_back();
  return false;
}

} // namespace

const std::string_view flow_name_rule =
  "1 to 63 of a-z, 0-9, -, _ and ., the first a letter or a digit";

void check_expressions(flow_report& report, const json::json_pointer& at,
                       const std::vector<const template_expression*>& used,
                       const expression_scope& scope) {
  for (const auto* expression : used) {
    const bool allowed =
      std::find(scope.sources.begin(), scope.sources.end(), expression->source)
      != scope.sources.end();
    if (expression->mac != mac_encoding::none && !scope.macs)
      report.error(at, expression->text
                         + " is not known here; allowed: hmac in the answer of "
                           "a rule of \"handshake\"");
    if (allowed && expression->makes_segments() && !scope.in_path)
      report.error(at, expression->text
                         + " has | segments, which is allowed in the path of a "
                           "request's URL only");
    if (allowed
        && (expression->source == source_kind::sub
            || expression->source == source_kind::sub_header)) {
      check_sub(report, at, *expression, scope);
    }
    if (allowed
        && (expression->source == source_kind::prepare
            || expression->source == source_kind::prepare_header)
        && !scope.prepared.contains(expression->name))
      report.error(at, expression->text
                         + " must name a call in \"prepare\" that is made "
                           "before this");
    if (allowed && !expression->fallback && !scope.clone_may_lack.empty()
        && (expression->source == source_kind::clone
            || expression->source == source_kind::clone_header))
      report.error(at, expression->text + scope.clone_may_lack);
    if (const auto* field = header_name_of(*expression);
        allowed && field != nullptr && !is_header_name(*field)) {
      report.error(at, expression->text + " is not a name of a header");
    } else if (!allowed) {
      std::vector<std::string_view> words;
      for (const auto kind : scope.sources)
        words.push_back(word_of(kind));
      report.error(at, expression->text
                         + " is not known here; allowed: " + one_of(words));
    }
  }
}

void check_expressions(flow_report& report, const json::json_pointer& at,
                       const text_template& used,
                       const expression_scope& scope) {
  std::vector<const template_expression*> all;
  for (const auto& expression : used.expressions())
    all.push_back(&expression);
  check_expressions(report, at, all, scope);
}

void check_expressions(
  flow_report& report, const json::json_pointer& at,
  const std::vector<std::pair<json::json_pointer, const text_template*>>& texts,
  const expression_scope& scope) {
  for (const auto& [within, text] : texts)
    check_expressions(report, at / within, *text, scope);
}

void check_text_expressions(flow_report& report, const json::json_pointer& at,
                            const text_template& used,
                            const expression_scope& scope) {
  check_expressions(report, at, used, scope);
  for (const auto& expression : used.expressions())
    if (type_of(expression) == value_type::list)
      report.error(at, expression.text + ' ' + std::string{array_in_text});
}

void check_url_expressions(flow_report& report, const json::json_pointer& at,
                           const text_template& used,
                           const expression_scope& scope) {
  auto here = scope;
  here.in_path = true;
  for (std::size_t i = 0; i < used.expressions().size(); ++i) {
    here.in_path = here.in_path && used.literals()[i].find('?') == npos;
    check_expressions(report, at, {&used.expressions()[i]}, here);
  }
}

std::string why_bad_url(const std::vector<std::string>& literals,
                        std::string_view instead_of_user) {
  const std::string_view first = literals.front();
  const auto colon = first.find("://");
  const auto scheme = first.substr(0, colon == npos ? 0 : colon);
  if (!equal_no_case(scheme, "http") && !equal_no_case(scheme, "https"))
    return literals.size() > 1 && colon == npos
           ? "has an expression in front of its path; allowed: one in the path "
             "or the query"
           : "is not an absolute URL; allowed: http:// and https://";
  const auto rest = first.substr(colon + 3);
  const auto end = rest.find_first_of("/?#");
  if (end == npos && literals.size() > 1)
    return "has an expression in front of its path; allowed: one in the path "
           "or the query";
  if (auto why = why_bad_authority(rest.substr(0, end), instead_of_user);
      !why.empty())
    return why;
  for (const auto& literal : literals) {
    if (literal.find('#') != std::string::npos)
      return "has a fragment, which is never sent";
    const bool plain = std::all_of(literal.begin(), literal.end(), [](char c) {
      return c > ' ' && c < 0x7f && c != '\\' && c != '"' && c != '<'
          && c != '>' && c != '^' && c != '`' && c != '{' && c != '|'
          && c != '}';
    });
    if (!plain)
      return "has characters in it that must be percent-encoded";
  }
  return {};
}

std::string shown_url(const json& url) {
  const auto text = shown(url);
  return text.find('@') == std::string::npos ? text + " " : std::string{};
}

bool is_flow_name(std::string_view name) noexcept {
  if (name.empty() || name.size() > 63)
    return false;
  const auto simple = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  };
  return simple(name.front())
      && std::all_of(name.begin(), name.end(), [&](char c) {
           return simple(c) || c == '-' || c == '_' || c == '.';
         });
}

bool is_header_name(std::string_view name) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return is_alnum(c) || others.find(c) != npos;
  });
}

bool is_header_text(std::string_view text) noexcept {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool is_framing_header(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 12> framing{"Host",
                                                     "Content-Length",
                                                     "Transfer-Encoding",
                                                     "Connection",
                                                     "Keep-Alive",
                                                     "Proxy-Authenticate",
                                                     "TE",
                                                     "Proxy-Authorization",
                                                     "Proxy-Connection",
                                                     "Trailer",
                                                     "Upgrade",
                                                     "Expect"};
  return std::any_of(framing.begin(), framing.end(),
                     [&](auto known) { return equal_no_case(known, name); });
}

std::vector<std::set<std::string, std::less<>>>
check_order(flow_report& report,
            const std::vector<sub_action_template>& sub_actions) {
  std::vector<std::set<std::string, std::less<>>> before(sub_actions.size());
  std::vector<std::uint8_t> colour(sub_actions.size(), 0);
  for (std::size_t i = 0; i < sub_actions.size(); ++i) {
    std::vector<std::size_t> path;
    if (colour[i] != 0 || !find_cycle(sub_actions, i, colour, path))
      continue;
    std::string drawn;
    for (const auto at : path)
      drawn += (drawn.empty() ? "" : " -> ") + sub_actions[at].name;
    report.error(json::json_pointer{"/sub_actions"} / path.front() / "after",
                 "makes a cycle: " + drawn);
    return before;
  }
  const std::function<void(std::size_t, std::size_t)> collect =
    [&](std::size_t of, std::size_t at) {
      for (const auto earlier : sub_actions[at].rule.after)
        if (before[of].insert(sub_actions[earlier].name).second)
          collect(of, earlier);
    };
  for (std::size_t i = 0; i < sub_actions.size(); ++i)
    collect(i, i);
  return before;
}

} // namespace handoff
