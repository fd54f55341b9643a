#pragma once

#include "config/flow_reader.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// When a flow has the sender's secret.
enum class secret_need {
  needed,
  /// It comes with the handshake: without it, nothing else is taken.
  later,
  /// Without one, nobody is asked who he is.
  optional,
};

/// What one sender of webhooks needs, as members of a flow.
/// `config/senders.json` has them all; it travels in the program.
struct sender_preset {
  std::string name;
  std::string title;
  /// How long the sender waits, where it says so.
  std::optional<std::string> limit;
  secret_need secret = secret_need::needed;
  /// Whether `{{url}}` is signed, so that `[http] public-url` has to be known.
  bool public_url = false;
  /// What a flow has to say in `with`, and what it is.
  std::vector<std::pair<std::string, std::string>> with;
  /// `verify`, `handshake`, `idempotency`, `input` and `reply`.
  nlohmann::json flow;
  /// A secret that begins with the first asks for the second as `verify`.
  std::optional<std::pair<std::string, nlohmann::json>> by_secret;

  bool has_handshake() const { return flow.contains("handshake"); }

  /// The idempotency key, a template.
  std::optional<std::string> key() const;
};

/// All of them, by name.
const std::vector<sender_preset>& sender_presets();

/// Null if there is none of this name.
const sender_preset* find_sender(std::string_view name);

/// A flow without its `sender`, which stands for the members that are in it
/// now.
struct expanded_flow {
  nlohmann::json definition;
  /// Whether `verify` is the preset's.
  bool from_preset = false;
  /// Whether there may be no secret yet.
  bool secret_may_lack = false;
  /// Whether the secret of `verify` stands in `sender`.
  bool secret_from_sender = false;
};

/// Puts what the flow's `sender` stands for in its place. What the flow says
/// itself wins, member by member; arrays are taken as a whole; another
/// `verify.scheme` replaces `verify` whole; `text` and `body`, `prefix` and
/// `part`, `secret` and `secrets` displace each other. The sender's limit is
/// filled in where `deadline_limit` of the settings is longer. What is wrong
/// goes to `report`. A flow without `sender` stays as it is.
expanded_flow expand_sender(const nlohmann::json& definition,
                            std::chrono::milliseconds deadline_limit,
                            flow_report& report);

} // namespace handoff
