#pragma once

#include "job/error.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// One header field (RFC 9110, section 5). Names keep the case they came in
/// and are compared without it.
struct header {
  std::string name;
  std::string value;

  friend bool operator==(const header&, const header&) = default;
};

using headers = std::vector<header>;

/// A field's name in lower case, for sets of names.
std::string lower_case(std::string_view name);

/// The value of the first field called `name`, whatever the case; null if none.
const std::string* find_header(const headers& fields,
                               std::string_view name) noexcept;

/// Whom an outbound call is for; the governor keeps a part of a host's calls
/// for clones, because behind a clone a sender waits.
enum class call_class { clone, sub_action };

/// A place among the calls of an upstream, for one attempt. It gives itself
/// back once, with the last reference at the latest; the outbound client that
/// makes the call does so earlier, when it knows what came of it.
class turn {
public:
  turn() = default;
  virtual ~turn() = default;

  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
};

using turn_ptr = std::shared_ptr<turn>;

/// One HTTP request to an upstream.
struct outbound_call {
  call_class purpose = call_class::sub_action;
  /// What is made fair turns between: calls of one job wait behind each other,
  /// not in front of other jobs.
  std::string job;
  std::string method;
  /// Absolute, `http` or `https`; of a call through a connection also what
  /// follows the connection's URL.
  std::string url;
  handoff::headers headers;
  std::string body;
  /// From the moment that the request goes to the wire until its whole answer
  /// is there; > 0.
  std::chrono::milliseconds timeout{0};
  /// Of its upstream. Null: it is made at once, and no limit holds for it.
  std::shared_ptr<handoff::turn> turn = nullptr;
  /// The name of the connection that it is made through; empty: none.
  std::string connection = {};
};

using outbound_call_ptr = std::shared_ptr<const outbound_call>;

/// What came of one outbound call.
struct exchange {
  /// 0 when no complete answer came; else the status of the answer.
  int status = 0;
  handoff::headers headers;
  /// At most 1 MiB; a longer answer is refused as `answer_too_large`.
  std::string body;
  /// Set when no complete answer came. An answer of any status is no error
  /// here: what it means is the caller's to decide.
  std::optional<error> failure;
  /// Whether any byte of the request may have reached the upstream. False
  /// makes it certain that the upstream did nothing.
  bool sent = false;
  /// From the moment that the request went to the wire (or would have) until
  /// the end.
  std::chrono::milliseconds duration{0};
  /// The number of the token that it was made with; 0: none.
  std::uint64_t token = 0;
};

using exchange_ptr = std::shared_ptr<const exchange>;

} // namespace handoff
