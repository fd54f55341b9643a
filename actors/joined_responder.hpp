#pragma once

#include "actors/responder.hpp"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <vector>

namespace handoff {

/// One answer for several senders that sent the same webhook: whoever joins
/// gets what the first one gets, but keeps a deadline of its own. Thread-safe.
class joined_responder : public responder {
public:
  static constexpr std::size_t senders_max = 1'000;

  /// What a sender asked for (RFC 7240).
  struct preference {
    bool respond_async = false;
    /// What it is told was applied; empty: nothing.
    std::string applied = {};
  };

  joined_responder(responder_ptr first, time_point answer_by,
                   preference preferred);

  /// Adds a sender. One that comes after the answer, or after the first sender
  /// has had what is said at the deadline, gets that at once. One that does not
  /// want to be held gets what would be said at the deadline as soon as there
  /// is something to say; so does one that comes when `senders_max` wait, or it
  /// is refused where there is nothing to say yet: those that hung up are among
  /// them, and they may come again and again.
  void join(responder_ptr further, time_point now, time_point answer_by,
            preference preferred);

  bool answer(reply what) override;

  /// `when` is for the first sender; the others keep theirs.
  void answer_by(time_point when, reply what) override;

  /// What became of the first sender's answer.
  void on_outcome(std::function<void(const reply_outcome&)> told) override;

  void close_to_others() override { open_ = false; }

  /// Whether somebody may join.
  bool is_open() const { return open_; }

private:
  struct waiting_sender {
    responder_ptr responder;
    time_point answer_by;
    preference preferred;
  };

  /// `what` as this sender is told it.
  static reply told_to(const preference& preferred, reply what);

  std::atomic<bool> open_ = true;
  std::mutex mutex_;
  std::vector<waiting_sender> waiting_; ///< the first one stays in front
  std::optional<reply> fallback_;
  std::optional<reply> given_;
};

} // namespace handoff
