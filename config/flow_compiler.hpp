#pragma once

#include "config/flow.hpp"
#include "config/flow_check.hpp"
#include "config/flow_loader.hpp"
#include "config/flow_reader.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <string_view>

namespace handoff {

/// Checks `written`, with its `sender` expanded, and makes a flow of it. What
/// is wrong goes to `report`; the flow is of use only if that has no errors
/// then. `journaled`: see compile_flow().
flow compile_definition(const nlohmann::json& written,
                        const flow_defaults& defaults, bool journaled,
                        flow_report& report);

/// The members of a flow that the front door and the sender's side need; the
/// rest is about calls to upstreams.
callback_rule read_callback(flow_report& report, const nlohmann::json& value,
                            const nlohmann::json::json_pointer& at,
                            const retry_policy& defaults);
/// What the flow says of its sender's requests and their answers, but for who
/// may send: "input", "when", "otherwise", "reply". `of_reply`: what the latter
/// may refer to. To be called once "verify" and "handshake" are read: how
/// bodies are read decides what the latter may sign.
void read_sender_side(object_reader& top, flow& made,
                      const expression_scope& of_reply);

/// The rules of "handshake". `has_secret`: whether "verify" has one that an
/// HMAC can be made with.
std::vector<handshake_rule> read_handshake(object_reader& top, bool has_secret);

/// A retry policy: what `object` says under "retry" in place of `policy`, and
/// its own `timeout` in place of `attempt_timeout`.
retry_policy read_retry(object_reader& object, retry_policy policy);

/// Whose headers are read, which decides what is refused.
enum class header_owner { request, reply };

std::vector<std::pair<std::string, text_template>>
read_headers(object_reader& object, header_owner owner);

/// The "body" of `object`, if it has one.
std::optional<json_template> read_body(object_reader& object);

} // namespace handoff
