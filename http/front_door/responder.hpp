#pragma once

#include "actors/responder.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace handoff {

class reply_outbox;

/// What the worker of a connection and whoever holds the request share. It
/// decides who gives the one answer. Thread-safe; it calls nobody while it is
/// locked.
class reply_slot {
public:
  using time_point = responder::time_point;

  reply_slot(std::shared_ptr<reply_outbox> outbox, std::uint64_t connection,
             std::uint64_t request);

  /// For the holder: what `responder` promises.
  bool answer(reply what);
  void answer_by(time_point when, reply what);
  void on_outcome(std::function<void(const reply_outcome&)> told);

  /// Gives the fallback, because nobody can answer any more.
  void drop();

  /// For the worker: when the fallback is due, unless there is an answer.
  std::optional<time_point> due() const;

  /// For the worker: takes the fallback if it is due and nobody has answered.
  std::optional<reply> expire(time_point now);

  /// For the worker: says what became of the answer, the first time only. From
  /// now on there is nobody to answer.
  void end(reply_outcome outcome);

private:
  using listener = std::function<void(const reply_outcome&)>;

  const std::shared_ptr<reply_outbox> outbox_;
  const std::uint64_t connection_;
  const std::uint64_t request_;
  mutable std::mutex mutex_;
  bool settled_ = false; // nobody else may answer
  std::optional<time_point> due_;
  std::optional<reply> fallback_;
  std::optional<reply_outcome> outcome_;
  std::vector<listener> told_;
};

/// What a handler gets: the last reference to it is the last chance to answer.
/// It may outlive the front door; then it answers nobody.
class held_reply final : public responder {
public:
  explicit held_reply(std::shared_ptr<reply_slot> slot);
  ~held_reply() override;

  held_reply(const held_reply&) = delete;
  held_reply& operator=(const held_reply&) = delete;

  bool answer(reply what) override;
  void answer_by(time_point when, reply what) override;

  /// As in `responder`; only if the front door is gone already, `told` runs on
  /// the calling thread.
  void on_outcome(std::function<void(const reply_outcome&)> told) override;

private:
  const std::shared_ptr<reply_slot> slot_;
};

} // namespace handoff
