#pragma once

#include <functional>
#include <string>

namespace handoff {

/// What follows an answer's head for as long as there is something to say: a
/// body whose end nobody knows. The worker of the connection takes from it only
/// what the socket is ready for, so that a client which reads slowly makes it
/// fall behind and nothing pile up; how it deals with that is its own affair.
///
/// All is called on the worker's thread. The stream is let go of when the
/// client is gone.
class reply_stream {
public:
  virtual ~reply_stream() = default;

  /// Called once, before anything is taken. `more`, which any thread may call,
  /// has it asked again after it gave nothing.
  virtual void on_more(std::function<void()> more) = 0;

  /// What comes next, 64 KiB at the most; empty: nothing for now.
  virtual std::string take() = 0;

  /// Whether nothing comes after what was taken: the connection is to end.
  virtual bool has_ended() const = 0;

  /// Shows the client, who was sent nothing for a while, that it is connected.
  virtual std::string keep_alive() = 0;
};

} // namespace handoff
