#include "tools/handoff/rehearsal/flows.hpp"

#include "config/flow_loader.hpp"

#include <stdexcept>

namespace handoff::rehearsal {
namespace {

constexpr const char* definitions[] = {
  // Sent once: what is not known of it is for a person.
  R"({
  "name": "plain",
  "clone": {
    "request": { "method": "POST", "url": "http://one.example/clone", "body": { "name": "{{body/name}}" } },
    "uid": "/id", "retry": { "max_attempts": 3 }
  },
  "sub_actions": [
    { "name": "share", "request": { "method": "POST", "url": "http://one.example/{{uid}}/share" } },
    { "name": "folder", "request": { "method": "POST", "url": "http://two.example/{{uid}}/folders" } },
    { "name": "file", "after": ["folder"], "request": { "method": "PUT", "url": "http://two.example/{{sub/folder/id}}/readme" } },
    { "name": "tag", "request": { "method": "POST", "url": "http://one.example/{{uid}}/tags" }, "retry": { "max_attempts": 2 } },
    { "name": "chat", "request": { "method": "POST", "url": "http://three.example/{{uid}}/chat" } }
  ] })",
  // Looked for, by an index that lags; what fails stops the rest.
  R"({
  "name": "probed",
  "clone": {
    "request": { "method": "POST", "url": "http://two.example/clone", "body": { "name": "{{body/name}}" } },
    "uid": "/id", "timeout": "9s", "retry": { "max_attempts": 4 },
    "probe": { "request": { "method": "GET", "url": "http://two.example/find?marker={{job}}" },
               "uid": "/found", "every": "3s", "for": "15s" }
  },
  "sub_actions": [
    { "name": "check", "request": { "method": "POST", "url": "http://two.example/{{uid}}/check" },
      "retry": { "max_attempts": 2 }, "on_failure": "halt" },
    { "name": "mail", "request": { "method": "POST", "url": "http://three.example/{{uid}}/mail" } },
    { "name": "rename", "after": ["check"], "request": { "method": "PUT", "url": "http://two.example/{{uid}}/name" } },
    { "name": "owner", "request": { "method": "PUT", "url": "http://two.example/{{uid}}/owner" } },
    { "name": "rights", "request": { "method": "PUT", "url": "http://two.example/{{uid}}/rights" } }
  ] })",
  // May be repeated; what fails is undone.
  R"({
  "name": "undone",
  "clone": {
    "request": { "method": "POST", "url": "http://one.example/clone" },
    "uid": "/id", "safe_to_repeat": true, "retry": { "max_attempts": 4 },
    "compensate": { "method": "DELETE", "url": "http://one.example/{{uid}}" }
  },
  "sub_actions": [
    { "name": "a", "request": { "method": "POST", "url": "http://one.example/{{uid}}/a" },
      "compensate": { "method": "DELETE", "url": "http://one.example/{{uid}}/a" } },
    { "name": "b", "request": { "method": "POST", "url": "http://three.example/{{uid}}/b" },
      "retry": { "max_attempts": 1 }, "on_failure": "compensate",
      "compensate": { "method": "DELETE", "url": "http://three.example/{{uid}}/b" } },
    { "name": "c", "after": ["a"], "request": { "method": "POST", "url": "http://one.example/{{uid}}/c" },
      "retry": { "max_attempts": 2 }, "on_failure": "compensate",
      "compensate": { "method": "DELETE", "url": "http://one.example/{{uid}}/c" } },
    { "name": "d", "request": { "method": "POST", "url": "http://one.example/{{uid}}/d" },
      "compensate": { "method": "DELETE", "url": "http://one.example/{{uid}}/d" } }
  ],
  "callback": { "url": "http://sender.example/done", "on": ["cloned", "succeeded", "failed"] } })",
  // Made by an upstream that takes its time, and asked for.
  R"({
  "name": "polled",
  "clone": {
    "request": { "method": "POST", "url": "http://four.example/constructions" },
    "poll": { "request": { "method": "GET", "url": "http://four.example/constructions/{{accepted/id}}" },
              "until": { "at": "/status", "is": "done" }, "every": "1s", "for": "2min" },
    "uid": "/project/id"
  },
  "sub_actions": [
    { "name": "copied", "request": { "method": "GET", "url": "http://four.example/{{uid}}/jobs" },
      "until": { "at": "/status", "is": "done" }, "every": "2s", "for": "1min", "on_failure": "halt" },
    { "name": "publish", "after": ["copied"], "request": { "method": "POST", "url": "http://four.example/{{uid}}/publish" } },
    { "name": "announce", "request": { "method": "POST", "url": "http://three.example/{{uid}}/announce" },
      "when": { "value": "{{body/loud ?? false}}", "is": true } }
  ] })",
  // For each of a list; calls before the clone; errors in answers of 200.
  R"({
  "name": "members",
  "idempotency": { "failed": "again" },
  "prepare": [ { "name": "board", "request": { "method": "GET", "url": "http://three.example/boards" } } ],
  "clone": {
    "request": { "method": "POST", "url": "http://three.example/clone", "body": { "board": "{{prepare/board/id}}" } },
    "outcome": [ { "if": { "at": "/errors", "empty": false }, "then": "fail", "detail": "/errors/0/message" } ],
    "uid": "/data/id",
    "probe": { "request": { "method": "GET", "url": "http://three.example/find?marker={{job}}" }, "uid": "/id" }
  },
  "sub_actions": [
    { "name": "invite", "for_each": "{{body/members}}", "on_failure": "compensate",
      "request": { "method": "POST", "url": "http://three.example/{{uid}}/members/{{item}}" },
      "outcome": [ { "if": { "at": "/errors", "empty": false }, "then": "retry", "wait": "1s" } ],
      "compensate": { "method": "DELETE", "url": "http://three.example/{{uid}}/members/{{item}}" } },
    { "name": "welcome", "after": ["invite"], "request": { "method": "POST", "url": "http://one.example/{{uid}}/welcome" } }
  ],
  "callback": { "url": "http://sender.example/done", "on": ["failed"] } })",
};

/// Longer than finished jobs, and than any clock is ahead of the time.
constexpr const char* keys_kept = "45min";

/// The same flow after its author has changed it: one sub-action is gone that
/// no other comes after, and there is a new one.
nlohmann::json second_edition(nlohmann::json definition) {
  auto& sub_actions = definition["sub_actions"];
  if (sub_actions.size() > 3)
    sub_actions.erase(3);
  sub_actions.push_back(
    {{"name", "note"},
     {"request",
      {{"method", "POST"}, {"url", "http://one.example/{{uid}}/note"}}}});
  return definition;
}

flow_ptr read(const nlohmann::json& definition, const settings& from) {
  auto loaded = read_flow(definition, defaults_of(from), "rehearsal");
  if (!loaded.flow)
    throw std::logic_error{loaded.errors.front().what};
  return std::move(loaded.flow);
}

} // namespace

std::vector<std::vector<flow_ptr>> own_flows(const settings& from) {
  std::vector<std::vector<flow_ptr>> editions(2);
  for (const auto* each : definitions) {
    auto definition = nlohmann::json::parse(each);
    definition["idempotency"]["keep"] = keys_kept;
    editions[0].push_back(read(definition, from));
    editions[1].push_back(read(second_edition(std::move(definition)), from));
  }
  return editions;
}

} // namespace handoff::rehearsal
