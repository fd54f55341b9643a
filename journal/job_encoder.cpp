#include "journal/cbor_writer.hpp"
#include "journal/event_kind.hpp"
#include "journal/job_codec.hpp"

#include <cstdint>

namespace handoff {
namespace {

using enum event_kind;

struct encoder {
  cbor_writer to;
  const job_event& event;

  void head(event_kind what) {
    to.array(2 + fields_of(what) + (event.inquiries.empty() ? 0 : 1))
      .integer(static_cast<std::int64_t>(what))
      .time(event.at);
  }

  void put(const std::optional<error>& failure) {
    if (!failure) {
      to.null();
      return;
    }
    to.array(2)
      .integer(static_cast<std::int64_t>(failure->kind))
      .text(failure->detail);
  }

  void put(const attempt& made) {
    // What has begun has nothing to say of its end.
    if (!made.ended && !made.failure && made.http_status == 0 && made.counted
        && made.duration.count() == 0) {
      to.array(3).integer(made.number).time(made.started).text(made.worker);
      return;
    }
    to.array(made.response ? 10 : 9)
      .integer(made.number)
      .time(made.started)
      .text(made.worker)
      .integer(made.duration.count())
      .integer(made.http_status)
      .boolean(made.counted)
      .boolean(made.ended);
    put(made.failure);
    to.integer(made.waited.count());
    if (made.response)
      to.array(3)
        .text(made.response->content_type)
        .text(made.response->body)
        .boolean(made.response->is_cut);
  }

  void put(const std::optional<attempt>& made) {
    if (made)
      put(*made);
    else
      to.null();
  }

  void put(const std::vector<attempt>& attempts) {
    to.array(attempts.size());
    for (const auto& each : attempts)
      put(each);
  }

  void put(const webhook& hook) {
    const auto& format = hook.body.format();
    const bool is_plain = format == body_format{};
    to.array(is_plain ? 7 : 8).bytes(hook.body.bytes());
    to.array(hook.headers.size());
    for (const auto& each : hook.headers)
      to.array(2).text(each.name).text(each.value);
    to.array(hook.query.size());
    for (const auto& [name, value] : hook.query)
      to.array(2).text(name).text(value);
    to.time(hook.received).text(hook.trace.trace_id).text(hook.trace.flags);
    to.text(hook.trace.state);
    if (is_plain)
      return;
    to.array(2).boolean(format.is_form).array(format.decode.size());
    for (const auto& each : format.decode)
      to.array(2).text(each.at.to_string()).boolean(each.base64);
  }

  void put(const clone_record& clone) {
    to.array(5);
    put(clone.attempts);
    to.json(clone.uid).json(clone.answer);
    put(clone.failure);
    to.time(clone.next_attempt);
  }

  void put(const step_record& step) {
    to.array(7).text(step.name).integer(static_cast<std::int64_t>(step.status));
    put(step.attempts);
    to.json(step.answer);
    put(step.failure);
    to.time(step.next_attempt).time(step.added);
  }

  void put(const std::vector<step_record>& all) {
    to.array(all.size());
    for (const auto& each : all)
      put(each);
  }

  /// One number: the index of a sub-action, and a negative one for the others.
  void put(step_ref step) {
    const auto index = static_cast<std::int64_t>(step.index);
    to.integer(step.kind == step_kind::sub_action     ? index
               : step.kind == step_kind::compensation ? -2 * index - 1
                                                      : -2 * index - 2);
  }

  void put(const std::vector<step_inquiry>& all) {
    to.array(all.size());
    for (const auto& each : all) {
      to.array(5);
      if (each.step)
        put(*each.step);
      else
        to.null();
      to.text(each.made.name).time(each.made.first).text(each.made.finding);
      put(each.made.last);
    }
  }

  void operator()(const job_accepted& change) {
    const auto& record = *change.record;
    head(accepted);
    to.text(record.flow_version);
    put(record.hook);
    if (record.claim)
      to.array(3)
        .text(record.claim->key)
        .text(record.claim->fingerprint)
        .time(record.claim->expires);
    else
      to.null();
    to.integer(static_cast<std::int64_t>(record.status)).time(record.deadline);
    put(record.clone);
    put(record.sub_actions);
    if (record.reply)
      to.array(3)
        .time(record.reply->at)
        .integer(record.reply->status)
        .boolean(record.reply->written);
    else
      to.null();
    to.time(record.finished).integer(record.recoveries);
    put(record.compensations);
    put(record.callbacks);
    to.text(record.title);
  }

  void operator()(const clone_attempt_begun& change) {
    head(clone_begun);
    put(change.made);
  }

  void operator()(const clone_attempt_ended& change) {
    head(clone_ended);
    put(change.made);
    to.time(change.next_attempt);
  }

  void operator()(const clone_succeeded& change) {
    head(clone_done);
    put(change.made);
    to.json(change.uid).json(change.answer).array(change.sub_actions.size());
    for (const auto& each : change.sub_actions)
      to.text(each);
  }

  void operator()(const clone_settled& change) {
    head(clone_over);
    put(change.made);
    to.integer(static_cast<std::int64_t>(change.status));
    put(std::optional{change.failure});
  }

  void operator()(const step_begun& change) {
    head(sub_begun);
    put(change.step);
    put(change.made);
  }

  void operator()(const step_ended& change) {
    head(sub_ended);
    put(change.step);
    put(change.made);
    to.integer(static_cast<std::int64_t>(change.status)).json(change.answer);
    put(change.failure);
    to.time(change.next_attempt);
  }

  void operator()(const step_settled& change) {
    head(sub_settled);
    put(change.step);
    to.integer(static_cast<std::int64_t>(change.status));
    put(change.failure);
  }

  void operator()(const job_finished& change) {
    head(finished);
    to.integer(static_cast<std::int64_t>(change.status));
  }

  void operator()(const sender_replied& change) {
    head(replied);
    to.integer(change.status).boolean(change.written);
  }

  void operator()(const job_recovered&) { head(recovered); }

  void operator()(const clone_reopened&) { head(reopened); }

  void operator()(const steps_added& change) {
    head(steps);
    to.integer(static_cast<std::int64_t>(change.kind))
      .array(change.names.size());
    for (const auto& each : change.names)
      to.text(each);
  }

  void operator()(const job_handed_back&) { head(handed_back); }

  void operator()(const job_rested&) { head(rested); }

  void operator()(const clone_accepted& change) {
    head(clone_taken);
    put(change.made);
    to.json(change.accepted.answer);
    to.time(change.accepted.ends);
  }

  void operator()(const wait_begun& change) {
    head(wait);
    put(change.step);
    put(change.made);
    to.time(change.ends).time(change.next_look);
  }

  void operator()(const clone_prepared& change) {
    head(prepared);
    to.json(change.answers);
  }

  void operator()(const prepare_postponed& change) {
    head(postponed);
    to.time(change.next_attempt);
  }

  void operator()(const polling_resumed& change) {
    head(polled_again);
    to.time(change.ends);
  }

  void operator()(const steps_expanded& change) {
    head(expanded);
    put(change.step);
    to.integer(static_cast<std::int64_t>(change.count));
  }

  void operator()(const cancel_requested&) { head(cancelling); }

  /// The definition itself is stored once for each version.
  void operator()(const definition_changed& change) {
    head(redefined);
    to.text(change.version).array(change.sub_actions.size());
    for (const auto& each : change.sub_actions)
      to.text(each);
    to.boolean(change.goes_on);
  }

  void operator()(const key_released& change) {
    head(released);
    to.text(change.key);
  }
};

} // namespace

void encode(const job_event& event, std::vector<std::uint8_t>& out) {
  encoder to{cbor_writer{out}, event};
  std::visit(to, event.change);
  if (!event.inquiries.empty())
    to.put(event.inquiries);
}

std::vector<std::uint8_t> wrap(std::size_t count,
                               std::span<const std::uint8_t> events) {
  std::vector<std::uint8_t> item;
  item.reserve(events.size() + 9);
  cbor_writer{item}.array(count);
  item.insert(item.end(), events.begin(), events.end());
  return item;
}

} // namespace handoff
