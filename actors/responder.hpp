#pragma once

#include "job/exchange.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace handoff {

class reply_stream;

/// The answer to one request. `Content-Length`, `Date` and `Connection` are
/// added by the front door.
struct reply {
  int status = 200;
  handoff::headers headers;
  std::string body;
  /// What follows the body for as long as it has something to say; null: the
  /// answer ends with its body. See http/front_door/reply_stream.hpp.
  std::shared_ptr<reply_stream> stream = {};
};

/// What became of an answer.
struct reply_outcome {
  int status = 0;
  /// False: the sender had gone before all of it was written to its socket.
  bool written = false;
};

/// The one answer to one request that is held. It is given exactly once: by the
/// first `answer`, by the deadline, or by the end of the last reference,
/// whichever comes first. Thread-safe; nothing in here blocks.
class responder {
public:
  using time_point = std::chrono::steady_clock::time_point;

  virtual ~responder() = default;

  /// Gives the answer. False if it had been given, or if the sender is gone.
  virtual bool answer(reply what) = 0;

  /// From now on, `what` is the answer if nothing else came before `when`, or
  /// if every reference is dropped. Replaces what an earlier call said. Without
  /// any call, dropping the responder answers 500.
  virtual void answer_by(time_point when, reply what) = 0;

  /// Each `told` is told once what became of the answer, on a thread of the
  /// front door or, if that is known already, at once; a sender that hangs up
  /// while it is held counts as an outcome with status 0.
  virtual void on_outcome(std::function<void(const reply_outcome&)> told) = 0;

  /// A request that repeats this one does not wait for this answer any more:
  /// the journal knows what became of it. Call it before the answer is given,
  /// so that a sender that has read the answer is not given it again.
  virtual void close_to_others() {}
};

using responder_ptr = std::shared_ptr<responder>;

} // namespace handoff
