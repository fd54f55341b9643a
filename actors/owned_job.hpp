#pragma once

#include "actors/commands.hpp"
#include "actors/environment.hpp"
#include "actors/event_writer.hpp"
#include "actors/replies.hpp"
#include "job/event.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

  ~owned_job() {
    if (asked_ != nullptr)
      env_->inquiries->set(shown_as_, nullptr);
  }

  owned_job(const owned_job&) = delete;
  owned_job& operator=(const owned_job&) = delete;

  const job& operator*() const { return record_; }

  const job* operator->() const { return &record_; }

  /// Another number whenever the record has changed.
  std::uint64_t revision() const { return revision_; }

  /// Brings the record forward; the event goes into the next commit.
  void change(job_change what) {
    ++revision_;
    auto event = make_event(record_, env_->now(), std::move(what));
    if (asked_ != nullptr)
      add_inquiries(event);
    apply(record_, event);
    events_.add(std::move(event));
  }

  /// Notes a call beside the attempts of the clone or of `step`, which ended as
  /// `call` says. It comes to the record, and to the journal, with the next
  /// event of the clone or the step. One that is an attempt as well is told of
  /// as that.
  void note(std::optional<step_ref> step, inquiry call,
            bool is_attempt = false) {
    const auto same = [&](const step_inquiry& each) {
      return each.step == step && each.made.name == call.name;
    };
    auto all = all_asked();
    const auto pending = std::find_if(all.begin(), all.end(), same);
    const auto& known = step
                        ? steps_of(record_, step->kind)[step->index].inquiries
                        : record_.clone.inquiries;
    const auto before =
      std::find_if(known.begin(), known.end(),
                   [&](const auto& each) { return each.name == call.name; });
    const auto* last = pending != all.end()  ? &pending->made
                     : before != known.end() ? &*before
                                             : nullptr;
    call.first = last != nullptr ? last->first : call.last.started;
    call.last.number = last != nullptr ? last->last.number + 1 : 1;
    step_inquiry made{step, std::move(call)};
    if (env_->asked && !is_attempt)
      env_->asked(record_, made);
    if (pending != all.end())
      *pending = std::move(made);
    else
      all.push_back(std::move(made));
    show(all);
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

  /// Whether something was asked that no event tells of yet.
  bool has_asked() const { return asked_ != nullptr; }

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
  /// An event of a step has what that one asked, another event has all.
  void add_inquiries(job_event& event) {
    const auto* step = step_of(event.change);
    auto all = all_asked();
    const auto rest =
      std::stable_partition(all.begin(), all.end(), [&](const auto& each) {
        return step != nullptr && each.step != *step;
      });
    event.inquiries.assign(std::make_move_iterator(rest),
                           std::make_move_iterator(all.end()));
    all.erase(rest, all.end());
    show(all);
  }

  std::vector<step_inquiry> all_asked() const {
    return asked_ != nullptr ? *asked_ : std::vector<step_inquiry>{};
  }

  void show(const std::vector<step_inquiry>& all) {
    if (shown_as_.empty())
      shown_as_ = record_.id;
    // A copy takes no more room than it needs: many jobs may wait for long.
    asked_ = all.empty()
             ? nullptr
             : std::make_shared<const std::vector<step_inquiry>>(all);
    env_->inquiries->set(shown_as_, asked_);
  }

  environment_ptr env_;
  job record_;
  event_writer<Self> events_;
  Self self_;
  std::size_t commands_ = 0;
  std::uint64_t revision_ = 0;
  /// What was asked since the last event that could tell of it; null: nothing.
  open_inquiries::list asked_;
  std::string shown_as_; ///< the job, once it is shown what it has asked
};

} // namespace handoff
