#include "actors/joined_responder.hpp"

#include "actors/replies.hpp"

#include <utility>

namespace handoff {

reply joined_responder::told_to(const preference& preferred, reply what) {
  constexpr std::string_view field = "Preference-Applied";
  std::erase_if(what.headers,
                [&](const header& each) { return each.name == field; });
  // Only what was made of the webhook; an error is made of no preference.
  if (what.status < 300 && !preferred.applied.empty())
    what.headers.push_back({std::string{field}, preferred.applied});
  return what;
}

joined_responder::joined_responder(responder_ptr first, time_point answer_by,
                                   preference preferred) {
  waiting_.push_back({std::move(first), answer_by, std::move(preferred)});
}

void joined_responder::join(responder_ptr further, time_point now,
                            time_point answer_by, preference preferred) {
  const std::scoped_lock lock{mutex_};
  const bool was_told = fallback_ && now >= waiting_.front().answer_by;
  if (given_ || was_told) {
    auto replayed = told_to(preferred, given_ ? *given_ : *fallback_);
    replayed.headers.push_back({"Idempotency-Replayed", "true"});
    further->answer(std::move(replayed));
    return;
  }
  if (waiting_.size() >= senders_max) {
    further->answer(fallback_
                      ? told_to(preferred, *fallback_)
                      : overloaded_reply("too many send the same webhook",
                                         std::chrono::seconds{1}));
    return;
  }
  if (fallback_ && preferred.respond_async)
    further->answer(told_to(preferred, *fallback_));
  else if (fallback_)
    further->answer_by(answer_by, told_to(preferred, *fallback_));
  waiting_.push_back({std::move(further), answer_by, std::move(preferred)});
}

bool joined_responder::answer(reply what) {
  const std::scoped_lock lock{mutex_};
  if (given_)
    return false;
  given_ = what;
  bool first_took_it = false;
  for (std::size_t at = waiting_.size(); at-- > 0;)
    first_took_it =
      waiting_[at].responder->answer(told_to(waiting_[at].preferred, what));
  return first_took_it;
}

void joined_responder::answer_by(time_point when, reply what) {
  const std::scoped_lock lock{mutex_};
  waiting_.front().answer_by = when;
  for (auto& each : waiting_)
    if (each.preferred.respond_async)
      each.responder->answer(told_to(each.preferred, what));
    else
      each.responder->answer_by(each.answer_by, told_to(each.preferred, what));
  fallback_ = std::move(what);
}

void joined_responder::on_outcome(
  std::function<void(const reply_outcome&)> told) {
  const std::scoped_lock lock{mutex_};
  waiting_.front().responder->on_outcome(std::move(told));
}

} // namespace handoff
