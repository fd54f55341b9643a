#include "journal/event_kind.hpp"
#include "journal/job_codec.hpp"

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <utility>

namespace handoff {
namespace {

using nlohmann::json;
using enum event_kind;

/// Throws for a number of another kind, too: what is not of the type cannot be
/// made it without harm.
template <std::integral Integer>
Integer integer_in(const json& from) {
  if (from.is_number_unsigned()
        ? std::in_range<Integer>(from.get<std::uint64_t>())
        : from.is_number_integer()
            && std::in_range<Integer>(from.get<std::int64_t>()))
    return from.get<Integer>();
  throw std::range_error{"no such integer"};
}

wall_time time_in(const json& from) {
  using std::chrono::milliseconds;
  const auto value = integer_in<std::int64_t>(from);
  // The clock counts in nanoseconds, which reach for 292 years.
  constexpr auto last =
    std::chrono::duration_cast<milliseconds>(wall_time::duration::max())
      .count();
  if (value < -last || value > last)
    throw std::range_error{"no such time"};
  return wall_time{milliseconds{value}};
}

/// Not longer than what can be added to a time.
std::chrono::milliseconds duration_in(const json& from) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
    time_in(from).time_since_epoch());
}

std::optional<wall_time> time_or_none(const json& from) {
  return from.is_null() ? std::nullopt : std::optional{time_in(from)};
}

template <class Status>
Status status_in(const json& from) {
  const auto value = integer_in<std::int64_t>(from);
  // `unknown` is what a value gets that has no name.
  if (value < 1 || value > 255
      || name(static_cast<Status>(value)) == std::string_view{"unknown"})
    throw std::range_error{"no such status"};
  return static_cast<Status>(value);
}

error error_in(const json& from) {
  return {static_cast<error_kind>(integer_in<std::uint16_t>(from.at(0))),
          from.at(1).get<std::string>()};
}

std::optional<error> error_or_none(const json& from) {
  return from.is_null() ? std::nullopt : std::optional{error_in(from)};
}

attempt attempt_in(const json& from) {
  attempt made;
  made.number = integer_in<std::uint32_t>(from.at(0));
  made.started = time_in(from.at(1));
  made.worker = from.at(2).get<std::string>();
  if (from.size() > 3) {
    made.duration = duration_in(from.at(3));
    made.http_status = integer_in<int>(from.at(4));
    made.counted = from.at(5).get<bool>();
    made.ended = from.at(6).get<bool>();
    made.failure = error_or_none(from.at(7));
    if (from.size() > 8)
      made.waited = duration_in(from.at(8));
    if (from.size() > 9)
      made.response = std::make_shared<const answer_excerpt>(answer_excerpt{
        from.at(9).at(0).get<std::string>(),
        from.at(9).at(1).get<std::string>(), from.at(9).at(2).get<bool>()});
  }
  return made;
}

std::optional<attempt> attempt_or_none(const json& from) {
  return from.is_null() ? std::nullopt : std::optional{attempt_in(from)};
}

std::vector<attempt> attempts_in(const json& from) {
  std::vector<attempt> attempts;
  for (const auto& each : from)
    attempts.push_back(attempt_in(each));
  return attempts;
}

body_format format_in(const json& from) {
  body_format format;
  format.is_form = from.at(0).get<bool>();
  for (const auto& each : from.at(1))
    format.decode.push_back({json::json_pointer{each.at(0).get<std::string>()},
                             each.at(1).get<bool>()});
  return format;
}

webhook_body body_in(const json& from) {
  const auto& body = from.at(0);
  // Jobs of former releases have the value instead of its text.
  if (!body.is_binary() || body.get_binary().has_subtype())
    return webhook_body::of(body);
  const auto& bytes = body.get_binary();
  return webhook_body{std::string{bytes.begin(), bytes.end()},
                      from.size() > 7 ? format_in(from.at(7)) : body_format{}};
}

webhook webhook_in(const json& from) {
  webhook hook;
  hook.body = body_in(from);
  for (const auto& each : from.at(1))
    hook.headers.push_back(
      {each.at(0).get<std::string>(), each.at(1).get<std::string>()});
  for (const auto& each : from.at(2))
    hook.query.emplace_back(each.at(0).get<std::string>(),
                            each.at(1).get<std::string>());
  hook.received = time_in(from.at(3));
  hook.trace.trace_id = from.at(4).get<std::string>();
  hook.trace.flags = from.at(5).get<std::string>();
  if (from.size() > 6)
    hook.trace.state = from.at(6).get<std::string>();
  return hook;
}

/// How many attempts an accepted job brings with it have used up its policy.
std::uint32_t counted_of(const std::vector<attempt>& attempts) {
  return static_cast<std::uint32_t>(
    std::count_if(attempts.begin(), attempts.end(),
                  [](const auto& each) { return each.ended && each.counted; }));
}

clone_record clone_in(const json& from) {
  clone_record clone;
  clone.attempts = attempts_in(from.at(0));
  clone.counted = counted_of(clone.attempts);
  clone.uid = from.at(1);
  clone.answer = from.at(2);
  clone.failure = error_or_none(from.at(3));
  clone.next_attempt = time_or_none(from.at(4));
  return clone;
}

step_record step_in(const json& from) {
  step_record step;
  step.name = from.at(0).get<std::string>();
  step.status = status_in<sub_action_status>(from.at(1));
  step.attempts = attempts_in(from.at(2));
  step.counted = counted_of(step.attempts);
  step.answer = from.at(3);
  step.failure = error_or_none(from.at(4));
  step.next_attempt = time_or_none(from.at(5));
  if (from.size() > 6)
    step.added = time_or_none(from.at(6));
  return step;
}

std::vector<step_record> steps_in(const json& from) {
  std::vector<step_record> all;
  for (const auto& each : from)
    all.push_back(step_in(each));
  return all;
}

step_kind step_kind_in(const json& from) {
  switch (integer_in<std::int64_t>(from)) {
  case static_cast<std::int64_t>(step_kind::sub_action):
    return step_kind::sub_action;
  case static_cast<std::int64_t>(step_kind::compensation):
    return step_kind::compensation;
  case static_cast<std::int64_t>(step_kind::callback):
    return step_kind::callback;
  default:
    throw std::range_error{"no such kind of step"};
  }
}

step_ref step_ref_in(const json& from) {
  const auto value = integer_in<std::int64_t>(from);
  if (value >= 0)
    return {step_kind::sub_action, static_cast<std::size_t>(value)};
  return {value % 2 == 0 ? step_kind::callback : step_kind::compensation,
          static_cast<std::size_t>((-1 - value) / 2)};
}

/// A file that lies about it must not fill the memory.
std::size_t element_count_in(const json& from) {
  const auto count = integer_in<std::uint32_t>(from);
  if (count > elements_max)
    throw std::range_error{"too many elements"};
  return count;
}

job job_in(const json& from, const std::string& id, const std::string& flow) {
  job record;
  record.id = id;
  record.flow = flow;
  record.flow_version = from.at(2).get<std::string>();
  record.hook = webhook_in(from.at(3));
  record.hook.job = id;
  record.hook.flow = flow;
  if (const auto& claim = from.at(4); !claim.is_null())
    record.claim =
      idempotency_claim{claim.at(0).get<std::string>(),
                        claim.at(1).get<std::string>(), time_in(claim.at(2))};
  record.status = status_in<job_status>(from.at(5));
  record.deadline = time_in(from.at(6));
  record.clone = clone_in(from.at(7));
  record.sub_actions = steps_in(from.at(8));
  if (const auto& reply = from.at(9); !reply.is_null())
    record.reply =
      reply_record{time_in(reply.at(0)), integer_in<int>(reply.at(1)),
                   reply.at(2).get<bool>()};
  record.finished = time_or_none(from.at(10));
  record.recoveries = integer_in<std::uint32_t>(from.at(11));
  if (from.size() > 12) {
    record.compensations = steps_in(from.at(12));
    record.callbacks = steps_in(from.at(13));
  }
  if (from.size() > 14)
    record.title = from.at(14).get<std::string>();
  return record;
}

std::vector<step_inquiry> inquiries_in(const json& from) {
  std::vector<step_inquiry> all;
  for (const auto& each : from) {
    auto& made = all.emplace_back();
    if (!each.at(0).is_null())
      made.step = step_ref_in(each.at(0));
    made.made = {each.at(1).get<std::string>(), time_in(each.at(2)),
                 attempt_in(each.at(4)), each.at(3).get<std::string>()};
  }
  return all;
}

/// What was asked before the event, which is behind its fields where there is
/// any.
std::vector<step_inquiry> inquiries_of(const json& event) {
  const auto place =
    2
    + fields_of(static_cast<event_kind>(integer_in<std::int64_t>(event.at(0))));
  return event.size() > place ? inquiries_in(event.at(place))
                              : std::vector<step_inquiry>{};
}

job_change change_in(const json& from, const std::string& id,
                     const std::string& flow) {
  const auto at = [&](std::size_t field) -> const json& {
    return from.at(2 + field);
  };
  switch (static_cast<event_kind>(integer_in<std::int64_t>(from.at(0)))) {
  case accepted:
    return job_accepted{job_in(from, id, flow), nullptr};
  case clone_begun:
    return clone_attempt_begun{attempt_in(at(0))};
  case clone_ended:
    return clone_attempt_ended{attempt_in(at(0)), time_or_none(at(1))};
  case clone_done:
    return clone_succeeded{attempt_or_none(at(0)), at(1), at(2),
                           at(3).get<std::vector<std::string>>()};
  case clone_over:
    return clone_settled{attempt_or_none(at(0)), status_in<job_status>(at(1)),
                         error_in(at(2))};
  case sub_begun:
    return step_begun{step_ref_in(at(0)), attempt_in(at(1))};
  case sub_ended:
    return step_ended{step_ref_in(at(0)),
                      attempt_in(at(1)),
                      status_in<sub_action_status>(at(2)),
                      at(3),
                      error_or_none(at(4)),
                      time_or_none(at(5))};
  case sub_settled:
    return step_settled{step_ref_in(at(0)), status_in<sub_action_status>(at(1)),
                        error_or_none(at(2))};
  case finished:
    return job_finished{status_in<job_status>(at(0))};
  case replied:
    return sender_replied{integer_in<int>(at(0)), at(1).get<bool>()};
  case recovered:
    return job_recovered{};
  case reopened:
    return clone_reopened{};
  case steps:
    return steps_added{step_kind_in(at(0)),
                       at(1).get<std::vector<std::string>>()};
  case handed_back:
    return job_handed_back{};
  case rested:
    return job_rested{};
  case clone_taken:
    return clone_accepted{attempt_in(at(0)), {at(1), time_in(at(2))}};
  case wait:
    return wait_begun{step_ref_in(at(0)), attempt_in(at(1)), time_in(at(2)),
                      time_in(at(3))};
  case prepared:
    return clone_prepared{at(0)};
  case postponed:
    return prepare_postponed{time_in(at(0))};
  case polled_again:
    return polling_resumed{time_in(at(0))};
  case expanded:
    return steps_expanded{step_ref_in(at(0)), element_count_in(at(1))};
  case cancelling:
    return cancel_requested{};
  case redefined:
    return definition_changed{at(0).get<std::string>(), nullptr,
                              at(1).get<std::vector<std::string>>(),
                              from.size() > 4 && at(2).get<bool>()};
  case released:
    return key_released{at(0).get<std::string>()};
  default:
    throw std::range_error{"no such kind of event"};
  }
}

} // namespace

std::vector<job_event> decode(std::span<const std::uint8_t> bytes,
                              const std::string& id, const std::string& flow) {
  // A tag is the subtype of a big_integer().
  const auto item = json::from_cbor(bytes.begin(), bytes.end(), true, true,
                                    json::cbor_tag_handler_t::store);
  std::vector<job_event> events;
  events.reserve(item.size());
  for (const auto& each : item)
    events.push_back({id,
                      time_in(each.at(1)),
                      change_in(each, id, flow),
                      {},
                      {},
                      {},
                      inquiries_of(each)});
  return events;
}

} // namespace handoff
