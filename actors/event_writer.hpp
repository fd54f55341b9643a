#pragma once

#include "actors/ask.hpp"
#include "actors/environment.hpp"
#include "job/event.hpp"

#include <caf/send.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace handoff {

/// Journals the events of one actor in order, one commit at a time; what comes
/// up while one is under way goes into the next. A journal that fails is tried
/// again after a pause, with the same events, for as long as the actor lives:
/// an event that comes twice changes nothing. When the actor dies, what has not
/// been sent to the journal yet is sent to it once more: it has happened, and
/// whoever takes over asks the journal after that.
///
/// An actor whose events can never be committed, because it writes for an owner
/// that was fenced or of a job that is another's, ends with an error.
///
/// `Self` is a pointer to the typed actor that owns it, which has to call
/// `flush` when it receives a `save_atom`.
template <class Self>
class event_writer {
public:
  event_writer(Self self, environment_ptr env)
      : self_{self}, env_{std::move(env)} {}

  ~event_writer() {
    if (!waiting_.empty())
      caf::anon_send(env_->journal, batch_of_waiting());
  }

  event_writer(const event_writer&) = delete;
  event_writer& operator=(const event_writer&) = delete;

  void add(job_event event) {
    if (waiting_.empty())
      waiting_.reserve(events_expected);
    waiting_.push_back(std::move(event));
  }

  /// Calls `then` once all that was added so far is durable, after every
  /// `then` that is still waiting; or else `refused`, if it never can be.
  void flush(std::function<void()> then = nullptr,
             std::function<void(const error&)> refused = nullptr) {
    if (then)
      then_.push_back(std::move(then));
    if (refused)
      refused_.push_back(std::move(refused));
    if (busy_)
      return;
    if (waiting_.empty()) {
      refused_.clear();
      for (const auto& call : std::exchange(then_, {}))
        call();
      return;
    }
    busy_ = true;
    const auto batch = batch_of_waiting();
    ask(self_, *env_, env_->journal, commit_patience, batch)
      .then(
        [this, batch](const commit_done& done) {
          busy_ = false;
          switch (done.status) {
          case commit_status::done:
            flush();
            break;
          case commit_status::unavailable:
          case commit_status::unknown:
            put_back(*batch);
            break;
          default:
            give_up(*done.failure);
          }
        },
        [this, batch](const caf::error&) {
          busy_ = false;
          put_back(*batch);
        });
  }

  /// Whether everything is durable.
  bool is_empty() const { return !busy_ && waiting_.empty(); }

private:
  static constexpr std::chrono::seconds commit_patience{60};
  /// Of most jobs between two commits.
  static constexpr std::size_t events_expected = 4;

  events_ptr batch_of_waiting() {
    return std::make_shared<const std::vector<job_event>>(
      std::exchange(waiting_, {}));
  }

  void give_up(const error& why) {
    waiting_.clear();
    then_.clear();
    for (const auto& call : std::exchange(refused_, {}))
      call(why);
    self_->quit(caf::make_error(caf::sec::runtime_error, why.detail));
  }

  void put_back(const std::vector<job_event>& batch) {
    waiting_.insert(waiting_.begin(), batch.begin(), batch.end());
    self_->delayed_send(self_, env_->journal_pause, save_atom::value);
  }

  Self self_;
  environment_ptr env_;
  std::vector<job_event> waiting_;
  std::vector<std::function<void()>> then_;
  std::vector<std::function<void(const error&)>> refused_;
  bool busy_ = false;
};

} // namespace handoff
