#include "config/flow_keys.hpp"

#include "config/connection_reader.hpp"

#include <algorithm>

namespace handoff {

std::span<const flow_object> flow_objects() {
  static const std::vector<flow_object> objects{
    {"flow",
     {"$schema", "name", "title", "sender", "verify", "input", "handshake",
      "when", "otherwise", "idempotency", "deadline", "prepare", "clone",
      "reply", "sub_actions", "callback"},
     {"name", "clone"}},
    {"sender", {"name", "secret", "secrets", "with"}, {"name"}},
    {"verify",
     {"scheme", "secret", "secrets", "user", "value", "header", "tolerance",
      "key", "strip", "algorithm", "signature", "prefix", "part", "encoding",
      "timestamp", "signed", "digest"},
     {"scheme"}},
    {"verify_part", {"name", "between", "after"}, {"name"}},
    {"verify_timestamp", {"value", "unit", "tolerance"}, {"value"}},
    {"verify_digest", {"value", "algorithm", "encoding"}, {"value"}},
    {"input", {"type", "decode"}, {}},
    {"decode", {"at", "as"}, {"at", "as"}},
    {"handshake", {"method", "when", "reply", "verified", "show"}, {"reply"}},
    {"idempotency", {"key", "keep", "body", "failed"}, {}},
    {"deadline", {"limit"}, {"limit"}},
    {"clone",
     {"request", "uid", "outcome", "pick", "timeout", "retry", "probe", "poll",
      "safe_to_repeat", "compensate"},
     {"request", "uid"}},
    {"request",
     {"method", "url", "connection", "path", "headers", "body", "form",
      "form_arrays", "text"},
     {"method"}},
    {"compensation",
     {"method", "url", "connection", "path", "headers", "body", "form",
      "form_arrays", "text", "outcome", "pick"},
     {"method"}},
    {"poll",
     {"request", "hosts", "base", "outcome", "pick", "until", "fails", "every",
      "for", "safe_to_repeat"},
     {"request", "until"}},
    {"prepare", {"name", "request", "outcome", "pick"}, {"name", "request"}},
    {"probe",
     {"request", "uid", "outcome", "pick", "after", "every", "for", "answer"},
     {"request", "uid"}},
    {"retry",
     {"max_attempts", "first", "factor", "max", "jitter", "attempt_timeout",
      "retry_on"},
     {}},
    {"reply", {"status", "headers", "body", "text", "late", "failed"}, {}},
    {"answer", {"status", "headers", "body", "text"}, {}},
    {"sub_action",
     {"name", "after", "when", "for_each", "max", "batch", "request", "outcome",
      "pick", "until", "fails", "every", "for", "safe_to_repeat", "retry",
      "timeout", "on_failure", "compensate"},
     {"name", "request"}},
    {"callback", {"url", "secret", "on", "retry"}, {"url"}},
    {"outcome_rule", {"if", "then", "wait", "detail"}, {"if", "then"}},
    {"pick", {"from", "where"}, {"where"}},
    {"condition",
     {"at", "header", "status", "value", "is", "exists", "empty", "at_least",
      "at_most", "starts_with", "contains", "all", "any", "not"},
     {}},
  };
  return objects;
}

const flow_object& flow_object_of(std::string_view kind) {
  for (const auto objects : {flow_objects(), connection_objects()}) {
    const auto found =
      std::find_if(objects.begin(), objects.end(),
                   [&](const auto& object) { return object.kind == kind; });
    if (found != objects.end())
      return *found;
  }
  return flow_objects().front();
}

} // namespace handoff
