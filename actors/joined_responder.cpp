#include "actors/joined_responder.hpp"

#include "actors/replies.hpp"

#include <utility>

namespace handoff {

joined_responder::joined_responder(responder_ptr first, time_point answer_by,
                                   bool respond_async) {
  waiting_.push_back({std::move(first), answer_by, respond_async});
}

void joined_responder::join(responder_ptr further, time_point answer_by,
                            bool respond_async) {
  const std::scoped_lock lock{mutex_};
  if (given_) {
    auto replayed = *given_;
    replayed.headers.push_back({"Idempotency-Replayed", "true"});
    further->answer(std::move(replayed));
    return;
  }
  if (waiting_.size() >= senders_max) {
    further->answer(fallback_
                      ? *fallback_
                      : overloaded_reply("too many send the same webhook",
                                         std::chrono::seconds{1}));
    return;
  }
  if (fallback_ && respond_async)
    further->answer(*fallback_);
  else if (fallback_)
    further->answer_by(answer_by, *fallback_);
  waiting_.push_back({std::move(further), answer_by, respond_async});
}

bool joined_responder::answer(reply what) {
  const std::scoped_lock lock{mutex_};
  if (given_)
    return false;
  given_ = what;
  bool first_took_it = false;
  for (std::size_t at = waiting_.size(); at-- > 0;)
    first_took_it = waiting_[at].responder->answer(what);
  return first_took_it;
}

void joined_responder::answer_by(time_point when, reply what) {
  const std::scoped_lock lock{mutex_};
  waiting_.front().answer_by = when;
  for (auto& each : waiting_)
    if (each.respond_async)
      each.responder->answer(what);
    else
      each.responder->answer_by(each.answer_by, what);
  fallback_ = std::move(what);
}

void joined_responder::on_outcome(
  std::function<void(const reply_outcome&)> told) {
  const std::scoped_lock lock{mutex_};
  waiting_.front().responder->on_outcome(std::move(told));
}

} // namespace handoff
