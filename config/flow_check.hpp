#pragma once

#include "config/flow.hpp"
#include "config/flow_reader.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// Which expressions a part of a flow may use, because their values are known
/// when it is rendered.
struct expression_scope {
  using source_kind = template_expression::source_kind;

  std::vector<source_kind> sources = {};
  /// The sub-actions whose answers are known, by name.
  std::set<std::string, std::less<>> subs = {};
  /// Every sub-action of the flow, to tell a misspelt name from one that is
  /// not known yet.
  std::set<std::string, std::less<>> all_subs = {};
  /// The calls before the clone whose answers are known.
  std::set<std::string, std::less<>> prepared = {};
  /// Why `{{clone/...}}` needs a default; empty: it needs none.
  std::string clone_may_lack = {};
  /// Whether `{{hmac/…}}` may be made.
  bool macs = false;
  /// Whether it is in the path of a URL, the only place for `| segments`.
  bool in_path = false;
};

/// Reports every one of `used` that `scope` does not allow.
void check_expressions(flow_report& report,
                       const nlohmann::json::json_pointer& at,
                       const std::vector<const template_expression*>& used,
                       const expression_scope& scope);

/// The same for a value that is written as a text.
void check_expressions(flow_report& report,
                       const nlohmann::json::json_pointer& at,
                       const text_template& used,
                       const expression_scope& scope);

/// The same for strings within the value at `at`.
void check_expressions(
  flow_report& report, const nlohmann::json::json_pointer& at,
  const std::vector<
    std::pair<nlohmann::json::json_pointer, const text_template*>>& texts,
  const expression_scope& scope);

/// The same for a text, which cannot be made of an array.
void check_text_expressions(flow_report& report,
                            const nlohmann::json::json_pointer& at,
                            const text_template& used,
                            const expression_scope& scope);

/// The same for the URL of a request.
void check_url_expressions(flow_report& report,
                           const nlohmann::json::json_pointer& at,
                           const text_template& used,
                           const expression_scope& scope);

/// Why a URL cannot be called, given what stands around its expressions; empty
/// if it can: absolute, `http` or `https`, a host, a port from 1 to 65535, no
/// user information, no fragment, and nothing that may change in front of the
/// path.
std::string why_bad_url(const std::vector<std::string>& literals,
                        std::string_view instead_of_user = "a URL without it");

/// The start of a message about `url`: the URL, but for one that may have a
/// password in it.
std::string shown_url(const nlohmann::json& url);

/// Whether `name` is `[a-z0-9][a-z0-9-_.]{0,62}`: what flows and sub-actions
/// are called.
bool is_flow_name(std::string_view name) noexcept;

/// What is_flow_name() allows, in words.
extern const std::string_view flow_name_rule;

/// Whether `name` may name a header (a token of RFC 9110, section 5.6.2).
bool is_header_name(std::string_view name) noexcept;

/// Whether `text` has no control character but tabs in it.
bool is_header_text(std::string_view text) noexcept;

/// Fields of a message's framing or of one connection only, which the HTTP
/// client and server see to.
bool is_framing_header(std::string_view name) noexcept;

/// For each sub-action the names of all that are done before it: its `after`,
/// and theirs. An after that makes a cycle is reported, and then nothing is
/// known to be done before anything.
std::vector<std::set<std::string, std::less<>>>
check_order(flow_report& report,
            const std::vector<sub_action_template>& sub_actions);

} // namespace handoff
