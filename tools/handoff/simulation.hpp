#pragma once

#include "actors/responder.hpp"
#include "config/check.hpp"
#include "http/ingress/webhook_reader.hpp"
#include "job/job.hpp"
#include "tools/fake_api/script.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// What is to be played through.
struct simulation_options {
  handoff::settings settings;
  flow_ptr definition;
  connection_set connections;
  read_webhook posted;
  handoff::headers headers;
  bool respond_async = false;
  /// How the APIs behave: as fake_api with this script.
  fake_api::script script;
};

/// One call that the APIs got.
struct simulated_call {
  std::chrono::milliseconds at{0}; ///< since the webhook
  std::string method;
  std::string url;
  std::string key;
  handoff::headers headers;
  std::string body;
  std::chrono::milliseconds duration{0};
  int status = 0;
  std::optional<error> failure;
};

struct simulation {
  /// None: the webhook became no job.
  std::optional<job> record;
  std::optional<reply> answer;
  std::chrono::milliseconds answered{0}; ///< since the webhook
  std::vector<simulated_call> calls;     ///< in the order in which they began
  std::chrono::system_clock::time_point end;
  /// False: it was given up on, because it goes on for more than a week.
  bool is_over = false;
};

/// Lets the actors of the service take one webhook to its end, in virtual time:
/// against APIs, a journal and a sender that are made up. Pauses are the same
/// in each run; nothing limits calls to a host, and no breaker opens.
simulation simulate(simulation_options options);

} // namespace handoff
