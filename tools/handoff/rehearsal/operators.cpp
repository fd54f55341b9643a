#include "tools/handoff/rehearsal/operators.hpp"

#include "tools/handoff/rehearsal/senders.hpp"

#include <memory>
#include <utility>

namespace handoff::rehearsal {
namespace {

std::string_view name_of(const job_command& command) {
  constexpr std::string_view names[] = {"retry", "cancel", "resolve"};
  const auto* retry = std::get_if<retry_command>(&command);
  return retry != nullptr && retry->current_definition
         ? "retry with the current definition"
         : names[command.index()];
}

} // namespace

operators::operators(const surroundings& around, flow_book& flows,
                     std::function<life*()> where)
    : around_{around},
      flows_{flows},
      where_{std::move(where)},
      random_{mixed({around.options->seed, number_of("operators")})} {}

job_command operators::some_command(const job_truth& about) {
  const auto kind = random_.below(10);
  if (about.status == job_status::ambiguous && kind < 7) {
    if (kind < 2)
      return resolve_command{nullptr, nullptr, true};
    if (!about.clones.empty())
      return resolve_command{about.clones.back().uid, {{"id", "h-1"}}};
    return resolve_command{};
  }
  if (kind < 3)
    return cancel_command{};
  if (kind == 9)
    return resolve_command{};
  retry_command wanted;
  if (random_.chance(0.3) && !about.folded.sub_actions.empty())
    wanted.sub_action =
      about.folded.sub_actions[random_.below(about.folded.sub_actions.size())]
        .name;
  wanted.current_definition =
    around_.options->faults.reloads && random_.chance(0.3);
  return wanted;
}

void operators::command() {
  command(around_.watched->some_job(random_));
}

void operators::needed(const std::string& id) {
  if (around_.options->commands == 0)
    return;
  around_.time->after(random_.between(1'000, 60'000), [this, id] {
    const auto* about = around_.watched->find(id);
    if (around_.is_calm || about == nullptr
        || about->status != job_status::ambiguous)
      return;
    command(id);
    needed(id);
  });
}

void operators::command(const std::string& id) {
  const auto* about = around_.watched->find(id);
  auto* const to = where_();
  if (to == nullptr || to->is_draining() || about == nullptr)
    return;
  ++around_.report->commands;
  auto wanted = some_command(*about);
  around_.watched->tell(id, "an operator gives a command: "
                              + std::string{name_of(wanted)});
  auto order = std::make_shared<job_order>(
    job_order{id, wanted, flows_.served(about->definition), nullptr, nullptr});
  if (const auto* retry = std::get_if<retry_command>(&wanted);
      retry != nullptr && retry->current_definition)
    order->current = flows_.current(about->definition->name);
  order->responder = std::make_shared<rehearsed_responder>(
    *around_.time, to->alive(),
    [watched = around_.watched, id, wanted](const reply& told) {
      watched->command_answered(id, wanted, told);
    });
  to->send(job_order_ptr{std::move(order)});
}

void operators::reload() {
  ++around_.report->reloads;
  flows_.reload(random_);
}

} // namespace handoff::rehearsal
