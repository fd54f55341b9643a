#pragma once

#include "config/answer_rules.hpp"
#include "config/condition.hpp"
#include "config/form_template.hpp"
#include "config/secret_files.hpp"
#include "config/template.hpp"
#include "config/verify.hpp"
#include "job/clone_plan.hpp"
#include "job/plan.hpp"
#include "job/retry.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// Where a URL may lead that is an upstream's answer as a whole.
struct address_rule {
  struct host {
    std::string name;       ///< in lower case
    std::uint16_t port = 0; ///< 0: the scheme's own
  };

  /// What is in none of them is not called.
  std::vector<host> hosts;
  /// Stands before a value that is no absolute URL; may be empty.
  std::string base;
};

/// One request of a flow, with its expressions not filled in yet.
struct request_template {
  std::string method;
  /// Absolute; of a request through a connection, what follows the
  /// connection's URL, or nothing.
  text_template url;
  /// Of one whose URL is one expression; else none.
  std::optional<address_rule> address = {};
  /// Its name; empty: none.
  std::string connection = {};
  /// Whose limits its calls share: the connection, or the host as `upstream_of`
  /// writes it; empty where the whole URL is one expression.
  std::string upstream = {};
  std::vector<std::pair<std::string, text_template>> headers;
  /// One of them, or none: no body at all. A JSON `null` is a body.
  std::optional<json_template> body;
  std::optional<form_template> form = {};
  std::optional<text_template> text = {};
  /// What its answers mean.
  answer_rules answers = {};
};

/// Looks for a clone whose outcome is unknown.
struct probe_template {
  request_template request;
  nlohmann::json::json_pointer uid;
  probe_rules rules;
  /// Where `{{clone/…}}` is in its answer; none: nowhere.
  std::optional<nlohmann::json::json_pointer> answer;
};

/// Asks what became of a clone that its upstream has taken on.
struct poll_template {
  /// Its rules for answers say when the wait is over.
  request_template request;
  wait_rules times{std::chrono::milliseconds{2000},
                   std::chrono::milliseconds{900'000}};
};

struct clone_template {
  request_template request;
  /// Where the UID stands in the clone's answer.
  nlohmann::json::json_pointer uid;
  /// `retry.attempt_timeout` is the flow's `clone.timeout`.
  retry_policy retry;
  std::optional<probe_template> probe;
  std::optional<poll_template> poll;
  /// Whether a clone of unknown outcome may be sent again without a probe.
  bool safe_to_repeat = false;
  std::optional<request_template> compensate;
  /// Of `compensate`, which is tried as often as a sub-action.
  retry_policy compensate_retry;
};

/// A call that is made before the clone.
struct prepare_template {
  std::string name;
  request_template request;
  bool keeps_answer = false; ///< as that of a sub-action, as is the next
  std::set<std::string> kept_headers;
};

/// Makes a sub-action once for each element of an array.
struct repeat_rule {
  text_template elements; ///< one expression
  std::size_t max = 100;  ///< 1..elements_max
  /// How many elements go into one step, as an array; 0: each has a step of its
  /// own.
  std::size_t batch = 0;
};

struct sub_action_template {
  std::string name;
  sub_action_rule rule;
  request_template request;
  retry_policy retry;
  std::optional<request_template> compensate;
  /// None: it is always wanted.
  std::optional<condition> when;
  std::optional<repeat_rule> for_each;
  /// Of one that waits for what its upstream works on.
  std::optional<wait_rules> wait;
  /// Whether an expression refers to its answer (`{{sub/NAME/…}}`).
  bool keeps_answer = false;
  /// Names of `{{sub-header/NAME/…}}`, in lower case.
  std::set<std::string> kept_headers;
};

/// An answer to a sender, with its expressions not filled in yet.
struct reply_template {
  int status = 200;
  std::vector<std::pair<std::string, text_template>> headers;
  /// One of them, or neither: then the body is the one that is usual there.
  std::optional<json_template> body;
  std::optional<text_template> text;
};

enum class input_type {
  json,
  form,
  automatic ///< as the content type says
};

/// Answers a request that is no webhook of its own, such as the question
/// whether the endpoint is there.
struct handshake_rule {
  std::string method = "POST";
  condition when;
  reply_template reply;
  /// Whether the signature is asked for.
  bool verified = true;
  /// A value for the operator to see.
  std::optional<text_template> show;
};

/// How the body of a webhook is read.
struct input_rule {
  input_type type = input_type::json;
  std::vector<body_decoding> decode;
};

struct callback_rule {
  std::string url;
  std::string upstream; ///< as `upstream_of` writes its host
  std::string secret;
  bool on_cloned = false;
  bool on_succeeded = false;
  bool on_failed = false;
  retry_policy retry;
};

/// What happens with a webhook, checked and compiled. Immutable once loaded: a
/// job keeps the one that it started with.
struct flow {
  std::string name;
  /// SHA-256 of the definition, in hex: what a job refers to.
  std::string version;
  /// The definition as it was read, references to secrets unresolved, without
  /// "verify".
  nlohmann::json definition;
  /// Every secret that was resolved while loading: what is shown or logged has
  /// them masked, what is journaled of an answer has them sealed.
  secrets hidden;
  /// The files that secrets were read from.
  secret_files files;

  /// The preset of its sender, and the scheme of its signature as the flow or
  /// the preset names it; empty where there is none.
  std::string sender;
  std::string verify_scheme;
  /// What people call a job; empty: nothing.
  text_template title;
  verify_rule verify;
  /// Renders the idempotency key; a missing or empty one means none.
  text_template idempotency_key;
  std::chrono::milliseconds idempotency_keep{86'400'000};
  /// Whether the key alone decides what is a repetition, whatever the body.
  bool any_body = false;
  /// Whether a repetition may try again after a clone that failed.
  bool again_after_failure = false;
  input_rule input;
  /// Tried in this order before `when`.
  std::vector<handshake_rule> handshake;
  /// Webhooks for which it does not hold become no job; one that is empty
  /// holds.
  condition when;
  /// What these are answered; none: 200 and `{"status":"ignored"}`.
  std::optional<reply_template> otherwise;
  std::chrono::milliseconds deadline_limit{10'000};
  /// Made before the clone, one after the other.
  std::vector<prepare_template> prepare;
  retry_policy prepare_retry;
  clone_template clone;
  /// What the sender is answered once the UID is known, at the deadline, and
  /// when the clone failed for good. None: the default.
  std::optional<reply_template> reply;
  std::optional<reply_template> late;
  std::optional<reply_template> failed;
  std::vector<sub_action_template> sub_actions;
  std::optional<callback_rule> callback;

  /// What sub-actions take of the webhook and cannot do without, and the clone
  /// where it cannot be tried at once: a webhook without it is refused before
  /// anything is made.
  struct required_value {
    /// The expression, where it stands in a URL in one of its own.
    text_template text;
    /// Where its value has to be of use; none: as a value of JSON.
    std::optional<template_place> place;
  };

  std::vector<required_value> required_values;

  // What expressions refer to; the rest need not be kept with a job.

  /// Names of `{{header/NAME}}`, in lower case.
  std::set<std::string> referenced_headers;
  /// Names of `{{accepted-header/NAME}}`, in lower case.
  std::set<std::string> referenced_accepted_headers;
  /// Names of `{{query/NAME}}`.
  std::set<std::string> referenced_query;
  /// Pointers of `{{body/…}}`.
  std::vector<nlohmann::json::json_pointer> referenced_body;
  /// Whether one refers to the clone's answer (`{{clone/…}}`). Where the UID
  /// stands does not count: it is kept by itself.
  bool keeps_clone_answer = false;
  /// Names of `{{clone-header/NAME}}`, in lower case.
  std::set<std::string> clone_headers;
};

using flow_ptr = std::shared_ptr<const flow>;

/// The loaded flows by name.
using flow_set = std::map<std::string, flow_ptr, std::less<>>;

/// The sub-action of this name; null if there is none.
const sub_action_template* find_sub_action(const flow& definition,
                                           std::string_view name) noexcept;

/// What people see of `text`: the flow's secrets are "***" (config/secrets).
std::string masked(const flow& definition, std::string text);

/// The same for the detail of an error.
error masked(const flow& definition, error what);

} // namespace handoff
