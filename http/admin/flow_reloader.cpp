#include "http/admin/flow_reloader.hpp"

#include "actors/replies.hpp"
#include "http/admin/flow_document.hpp"
#include "job/crash_point.hpp"

#include <caf/send.hpp>

#include <exception>
#include <utility>
#include <vector>

namespace handoff {
namespace {

using json = nlohmann::json;

/// Errors that an answer lists; the log has them all.
constexpr std::size_t errors_max = 100;

reply try_later(const char* why) {
  return overloaded_reply(why, std::chrono::seconds{1});
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string listed(const char* before, const std::vector<std::string>& names) {
  std::string text;
  for (const auto& each : names)
    text += (text.empty() ? std::string{before} + " " : ", ") + each;
  return text;
}

} // namespace

void flow_reloader_state::obey(const reload_order& order) {
  options.begins();
  reply answer;
  try {
    answer = reload();
  } catch (const std::exception& thrown) {
    options.complain("the flows are not reloaded: "
                     + std::string{thrown.what()});
    answer = problem_reply(
      {error_kind::internal,
       "the flows could not be read; those that were in force stay so"});
  }
  options.ended(options.flows->current()->size());
  if (order.responder)
    order.responder->answer(std::move(answer));
}

loaded_flows flow_reloader_state::load(const flow_set& before) const {
  auto loaded = options.load(!before.empty());
  if (loaded.errors.empty() && loaded.flows.empty() && !before.empty())
    loaded.errors.push_back(
      {options.directory, "",
       "has no flow in it any more; allowed: at least one while "
         + counted(before.size(), "flow")
         + (before.size() == 1 ? " is" : " are")
         + " in force (flows.directory)"});
  return loaded;
}

reply flow_reloader_state::reload() {
  const auto before = options.flows->in_force();
  auto loaded = load(before->flows);
  for (const auto& each : loaded.warnings)
    options.inform(to_string(each));
  if (!loaded.errors.empty())
    return refuse(loaded.errors);
  const auto changes = changes_between(before->flows, loaded.flows);
  if (options.connections != nullptr)
    options.connections->replace(std::move(loaded.connections));
  options.flows->replace(
    {std::move(loaded.flows), std::move(loaded.files), options.now()});
  const auto now = options.flows->in_force();
  auto told = "reloaded, " + counted(now->flows.size(), "flow") + " in force";
  for (const auto& part :
       {listed("added", changes.added), listed("changed", changes.changed),
        listed("removed", changes.removed)})
    if (!part.empty())
      told += "; " + part;
  options.inform(told);
  return json_reply(200, flow_document(*now, changes));
}

reply flow_reloader_state::refuse(const problems& errors) const {
  auto list = json::array();
  for (const auto& each : errors) {
    auto text = to_string(each);
    options.complain(text);
    if (list.size() < errors_max)
      list.push_back(std::move(text));
  }
  const auto found = counted(errors.size(), "error");
  options.complain("the flows are not reloaded: " + found
                   + "; those that were in force stay so");
  return problem_reply(
    {error_kind::flows_invalid,
     found + " in the flows; those that were in force stay so"},
    {}, {{"errors", std::move(list)}});
}

flow_reloader_actor::behavior_type
flow_reloader(flow_reloader_state::self_pointer self,
              flow_reloader_options options) {
  self->state.options = std::move(options);
  return {
    [self](const reload_order_ptr& order) {
      fault_point(flow_reloader_state::name);
      self->state.obey(*order);
    },
  };
}

void flow_reloads::ask(const responder_ptr& responder) const {
  auto place = room_.enter();
  if (!place) {
    responder->answer(try_later("too many reloads wait"));
    return;
  }
  responder->answer_by(
    std::chrono::steady_clock::now() + patience,
    try_later("the flows are still being read; GET /api/v1/flows tells when "
              "they were loaded"));
  caf::anon_send(reloader_, std::make_shared<const reload_order>(
                              reload_order{responder, std::move(place)}));
}

void flow_reloads::ask() const {
  if (auto place = room_.enter())
    caf::anon_send(reloader_, std::make_shared<const reload_order>(
                                reload_order{nullptr, std::move(place)}));
}

} // namespace handoff
