#pragma once

#include "config/connection.hpp"
#include "config/flow.hpp"
#include "config/problem.hpp"
#include "config/settings.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace handoff {

/// What a flow takes from the settings where it says nothing itself.
struct flow_defaults {
  /// `retry_on` is not taken from here: a clone and a sub-action have their
  /// own.
  retry_policy retry;
  /// Also the longest that a flow may ask for.
  std::chrono::milliseconds deadline_limit{10'000};
  /// A flow's limit must be longer than that.
  std::chrono::milliseconds deadline_margin{500};
  /// What relative paths in `${file:…}` are relative to.
  std::string base_directory = {};
  /// What senders call, for signatures over a URL; empty if it is not known.
  std::string public_url = {};
  /// Those that requests may name; null: there are none.
  std::shared_ptr<const connection_set> connections = nullptr;
};

flow_defaults defaults_of(const settings& from);

/// One flow, or why there is none.
struct loaded_flow {
  /// Null if there are errors.
  flow_ptr flow;
  problems errors = {};
  problems warnings = {};
};

/// All the flows of a directory, or why there are none: with an error in one
/// file, `flows` is empty.
struct loaded_flows {
  flow_set flows;
  problems errors = {};
  problems warnings = {};
  /// The name of each one's file, by that of the flow.
  std::map<std::string, std::string> files = {};
  /// What they were checked with.
  connection_set connections = {};
};

/// Checks and compiles `definition`; `file` is what problems name.
loaded_flow read_flow(const nlohmann::json& definition,
                      const flow_defaults& defaults, const std::string& file);

/// Builds a flow again from the definition that the journal kept. It was
/// checked when its job began, so settings that have changed since are no
/// error: a deadline that is too long by now is cut. Error `internal`: it does
/// not compile; most likely a reference to a secret cannot be resolved any
/// more.
result<flow_ptr> compile_flow(const nlohmann::json& definition,
                              const flow_defaults& defaults);

/// Reads a flow from a file of at most 1 MiB of JSON, comments allowed.
loaded_flow load_flow(const std::filesystem::path& file,
                      const flow_defaults& defaults);

/// Reads every `*.json` file of `directory` but `flow.schema.json` and hidden
/// ones, in the order of their names. A directory that does not exist has no
/// flows, and is an error if `must_exist`.
loaded_flows load_flows(const std::filesystem::path& directory,
                        const flow_defaults& defaults, bool must_exist);

/// The same, and the connections, as the settings say it. The directory has to
/// be there if it was asked for or `must_exist`.
loaded_flows load_flows(const settings& from, bool must_exist = false);

} // namespace handoff
