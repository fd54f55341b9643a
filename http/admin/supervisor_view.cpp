#include "http/admin/supervisor_view.hpp"

#include "actors/replies.hpp"
#include "job/crash_point.hpp"
#include "job/timestamp.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <utility>

namespace handoff {
namespace {

using json = nlohmann::json;

json or_null(std::string_view text) {
  return text.empty() ? json(nullptr) : json(text);
}

json quarantined_document(const supervision_counts& counts) {
  auto list = json::array();
  for (const auto& each : counts.newest_quarantined)
    list.push_back({{"job", each.job},
                    {"sub_action", or_null(each.sub_action)},
                    {"why", each.why},
                    {"at", timestamp(each.at)}});
  return {{"total", counts.quarantined}, {"newest", std::move(list)}};
}

json journal_document(const supervision_counts& counts) {
  const auto& failure = counts.journal_failure;
  return {{"state", failure ? "fails" : "commits"},
          {"since", counts.journal_since
                      ? json(timestamp(*counts.journal_since))
                      : json(nullptr)},
          {"why", failure ? json(failure->detail) : json(nullptr)}};
}

bool comes_first(const upstream_counts& left, const upstream_counts& right) {
  const auto rank = [](const upstream_counts& each) {
    return std::tuple{!each.not_closed_since.has_value(),
                      ~(each.in_flight + each.waiting)};
  };
  return std::tuple{rank(left), std::string_view{left.host}}
       < std::tuple{rank(right), std::string_view{right.host}};
}

/// A time of the steady clock on the wall's.
wall_time on_the_wall(std::chrono::steady_clock::time_point when,
                      wall_time now) {
  return now
       - std::chrono::duration_cast<wall_time::duration>(
           std::chrono::steady_clock::now() - when);
}

json upstream_document(const upstream_counts& each, wall_time now) {
  const auto since = each.not_closed_since;
  return {
    {"host", each.host},
    {"in_flight", each.in_flight},
    {"waiting", each.waiting},
    {"calls", each.calls},
    {"failures", each.failures},
    {"breaker",
     {{"state", each.breaker},
      {"since",
       since ? json(timestamp(on_the_wall(*since, now))) : json(nullptr)},
      {"why", since ? json(std::to_string(each.failures_in_a_row)
                           + " failures in a row")
                    : json(nullptr)}}},
  };
}

json limits_document(const governor_options& limits) {
  return {{"max_calls", limits.max_calls},
          {"reserved_for_clones", limits.reserved_for_clones},
          {"rate", limits.rate},
          {"breaker_failures", limits.breaker_failures},
          {"breaker_open_ms", limits.breaker_open.count()}};
}

json upstreams_document(const supervisor_view_options& options) {
  auto all = options.upstreams();
  const auto shown = std::min(all.size(), upstreams_shown_max);
  std::partial_sort(all.begin(),
                    all.begin() + static_cast<std::ptrdiff_t>(shown), all.end(),
                    comes_first);
  auto hosts = json::array();
  const auto now = options.now();
  for (std::size_t at = 0; at < shown; ++at)
    hosts.push_back(upstream_document(all[at], now));
  return {{"total", all.size()},
          {"limits", limits_document(options.limits)},
          {"hosts", std::move(hosts)}};
}

reply no_answer() {
  return overloaded_reply("the root supervisor did not answer in time",
                          std::chrono::seconds{1});
}

} // namespace

json supervisor_document(const supervisor_view_options& options,
                         const supervision_report& tree) {
  const auto counts = options.log->counts();
  return {
    {"started", timestamp(options.started)},
    {"draining", options.draining->load()},
    {"restarts",
     {{"clones", counts.clone_restarts},
      {"job_supervisors", counts.job_supervisor_restarts},
      {"sub_actions", counts.sub_action_restarts}}},
    {"under_way", {{"clones", tree.clones}, {"jobs", tree.jobs}}},
    {"admission",
     {{"held", options.admission->held.taken()},
      {"max_held", options.max_held},
      {"jobs", options.admission->jobs.taken()},
      {"max_jobs", options.max_jobs},
      {"bytes", options.admission->bytes.taken()},
      {"max_bytes", options.admission->bytes.limit()}}},
    {"recovery",
     {{"done", counts.recovery_done},
      {"jobs", counts.recovered_jobs},
      {"under_way", options.admission->recovered.taken()},
      {"set_aside", counts.jobs_set_aside}}},
    {"quarantined", quarantined_document(counts)},
    {"journal", journal_document(counts)},
    {"upstreams", upstreams_document(options)},
  };
}

supervisor_view_actor::behavior_type
supervisor_view(supervisor_view_actor::pointer self,
                supervisor_view_options options) {
  return {
    [self, options](const responder_ptr& responder) {
      fault_point("supervisor_view");
      self->request(options.root, supervisor_patience, report_atom::value)
        .then(
          [options, responder](const supervision_report& tree) {
            responder->answer(
              json_reply(200, supervisor_document(options, tree)));
          },
          [responder](const caf::error&) { responder->answer(no_answer()); });
    },
  };
}

} // namespace handoff
