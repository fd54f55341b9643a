#pragma once

#include "actors/commands.hpp"
#include "actors/environment.hpp"
#include "actors/event_writer.hpp"
#include "actors/replies.hpp"
#include "job/event.hpp"

#include <functional>
#include <utility>

namespace handoff {

/// The record of a job, for the one actor that works on it. The record changes
/// by events alone: each is applied at once and journaled in the same order, so
/// that the record is the fold of its journal at every moment.
///
/// `Self` is a pointer to the typed actor that owns it, which has to call
/// `flush` when it receives a `save_atom`.
template <class Self>
class owned_job {
public:
  owned_job(Self self, environment_ptr env, job record)
      : env_{std::move(env)},
        record_{std::move(record)},
        events_{self, env_},
        self_{self} {}

  const job& operator*() const { return record_; }

  const job* operator->() const { return &record_; }

  /// Another number whenever the record has changed.
  std::uint64_t revision() const { return revision_; }

  /// Brings the record forward; the event goes into the next commit.
  void change(job_change what) {
    ++revision_;
    auto event = make_event(record_, env_->now(), std::move(what));
    apply(record_, event);
    events_.add(std::move(event));
  }

  /// Brings the record forward by an event that the caller journals.
  void take(const job_event& event) {
    ++revision_;
    apply(record_, event);
  }

  /// Calls `then` once all changes so far are durable.
  void flush(std::function<void()> then = nullptr) {
    events_.flush(std::move(then));
  }

  /// Whether a command is on its way to the journal: until it is there, no
  /// attempt begins.
  bool is_commanded() const { return commands_ > 0; }

  /// Does what an operator wants. What follows at once from the command is for
  /// `settle` to change; once both are durable the operator is answered, and
  /// `then` goes on with the job. Where that takes too long, the operator is
  /// told that it is not known, and `then` is called all the same.
  ///
  /// `definition` is the one that the job follows; null if there is none.
  void obey(const job_order_ptr& order, const flow_ptr& definition,
            const std::function<void()>& settle, std::function<void()> then) {
    auto decided = decide(record_, order->command,
                          command_flow_of(*order, definition), env_->now());
    if (const auto* refused = std::get_if<error>(&decided)) {
      order->responder->answer(problem_reply(*refused, record_.id));
      return;
    }
    for (auto& each : std::get<std::vector<job_event>>(decided))
      change(std::move(each.change));
    settle();
    const std::string status{status_after_command(record_)};
    order->responder->answer_by(self_->clock().now() + request_grace,
                                unknown_command_reply(record_.id));
    ++commands_;
    events_.flush(
      [this, order, id = record_.id, status, then = std::move(then)] {
        --commands_;
        order->responder->answer(command_reply(id, status));
        then();
      },
      [order, id = record_.id](const error& why) {
        // Another node, another webhook with its key, or retention was faster:
        // nothing of the command holds.
        if (why.kind == error_kind::conflict)
          order->responder->answer(problem_reply(
            {error_kind::conflict,
             "its webhook came again and became another job: " + why.detail},
            id));
        else if (why.kind == error_kind::unknown_job)
          order->responder->answer(problem_reply(why, id));
        else
          order->responder->answer(
            overloaded_reply(why.detail, std::chrono::seconds{1}));
      });
  }

  /// The record, for whoever goes on with the job.
  job release() { return std::move(record_); }

private:
  environment_ptr env_;
  job record_;
  event_writer<Self> events_;
  Self self_;
  std::size_t commands_ = 0;
  std::uint64_t revision_ = 0;
};

} // namespace handoff
