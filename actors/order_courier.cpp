#include "actors/order_courier.hpp"

#include "actors/order_text.hpp"
#include "actors/replies.hpp"

#include <optional>
#include <utility>
#include <variant>

namespace handoff {
namespace {

using clock = std::chrono::steady_clock;

/// Has the answer written for the node that posted the order. It is given by
/// the first `answer`, or when nobody is left who could give one; the deadline
/// is kept by who posted it.
class posted_responder final : public responder {
public:
  posted_responder(std::int64_t number, std::shared_ptr<order_answers> to)
      : number_{number}, to_{std::move(to)} {}

  ~posted_responder() override {
    if (!is_given_)
      to_->add(number_, text_of(otherwise_));
  }

  bool answer(reply what) override {
    std::vector<std::function<void(const reply_outcome&)>> told;
    {
      const std::scoped_lock lock{mutex_};
      if (std::exchange(is_given_, true))
        return false;
      status_ = what.status;
      told.swap(told_);
    }
    to_->add(number_, text_of(what));
    for (const auto& each : told)
      each({what.status, true});
    return true;
  }

  void answer_by(time_point, reply what) override {
    const std::scoped_lock lock{mutex_};
    otherwise_ = std::move(what);
  }

  void on_outcome(std::function<void(const reply_outcome&)> told) override {
    {
      const std::scoped_lock lock{mutex_};
      if (!is_given_) {
        told_.push_back(std::move(told));
        return;
      }
    }
    told({status_, true});
  }

private:
  const std::int64_t number_;
  const std::shared_ptr<order_answers> to_;
  std::mutex mutex_;
  bool is_given_ = false;
  int status_ = 0;
  reply otherwise_ =
    problem_reply({error_kind::internal, "nobody answered the command"});
  std::vector<std::function<void(const reply_outcome&)>> told_;
};

reply not_taken_reply() {
  return overloaded_reply("the node that works on the job has not taken the "
                          "command: nothing was done",
                          std::chrono::seconds{1});
}

} // namespace

void order_answers::add(std::int64_t number, std::string text) {
  const std::scoped_lock lock{mutex_};
  given_.emplace_back(number, std::move(text));
}

std::vector<std::pair<std::int64_t, std::string>> order_answers::take() {
  const std::scoped_lock lock{mutex_};
  return std::exchange(given_, {});
}

void order_courier_state::post(const job_order_ptr& order, journal_owner to) {
  const auto now = clock::now();
  order->responder->answer_by(now + options.patience + request_grace,
                              unknown_command_reply(order->job));
  const auto sent =
    options.store->post_order(to, order->job, text_of(order->command));
  if (std::holds_alternative<error>(sent)) {
    order->responder->answer(overloaded_reply(
      "the command could not be brought to the node that works on the job: "
      "nothing was done",
      std::chrono::seconds{1}));
    return;
  }
  waiting.push_back(
    {std::get<std::int64_t>(sent), order, now + options.patience});
}

bool order_courier_state::look() {
  return write_answers() && take_answers() && take_orders();
}

bool order_courier_state::take_orders() {
  const auto taken = options.store->take_orders();
  const auto* orders = std::get_if<std::vector<posted_order>>(&taken);
  if (orders == nullptr)
    return false;
  for (const auto& each : *orders)
    obey(each);
  return true;
}

void order_courier_state::obey(const posted_order& order) {
  const auto responder =
    std::make_shared<posted_responder>(order.number, answers);
  auto command = command_from(order.command);
  if (const auto* failed = std::get_if<error>(&command)) {
    responder->answer(problem_reply(*failed, order.job));
    return;
  }
  const auto found = options.reader->find(order.job);
  const auto* record = std::get_if<std::optional<job>>(&found);
  if (record == nullptr || !*record) {
    responder->answer(problem_reply(
      record == nullptr
        ? std::get<error>(found)
        : error{error_kind::unknown_job, "there is no job with this id"}));
    return;
  }
  auto stored = options.reader->flow_definition((*record)->flow_version);
  result<flow_ptr> definition = error{
    error_kind::internal, "the journal does not have the flow of this job"};
  if (auto* failed = std::get_if<error>(&stored))
    definition = std::move(*failed);
  else if (const auto& text = std::get<std::optional<nlohmann::json>>(stored))
    definition = options.env->compile(*text);
  flow_ptr current;
  const auto& wanted = std::get<job_command>(command);
  if (const auto* retry = std::get_if<retry_command>(&wanted);
      retry != nullptr && retry->current_definition) {
    current = options.current((*record)->flow);
    if (!current) {
      responder->answer(problem_reply(
        {error_kind::conflict,
         "no flow is called \"" + (*record)->flow + "\" any more"},
        order.job));
      return;
    }
  }
  self->send(options.root, std::make_shared<const job_order>(
                             job_order{order.job, wanted, std::move(definition),
                                       std::move(current), responder}));
}

bool order_courier_state::write_answers() {
  for (auto& each : answers->take())
    unwritten.push_back(std::move(each));
  while (!unwritten.empty()) {
    const auto& [number, text] = unwritten.back();
    if (options.store->answer_order(number, text))
      return false;
    unwritten.pop_back();
  }
  return true;
}

bool order_courier_state::take_answers() {
  for (auto& each : std::exchange(waiting, {})) {
    auto taken = options.store->take_answer(each.number);
    const auto* text = std::get_if<std::optional<std::string>>(&taken);
    if (text != nullptr && *text) {
      each.order->responder->answer(reply_from(**text));
      continue;
    }
    if (clock::now() < each.until) {
      waiting.push_back(std::move(each));
      continue;
    }
    const auto withdrawn = options.store->withdraw_order(each.number);
    const auto* untaken = std::get_if<bool>(&withdrawn);
    each.order->responder->answer(untaken != nullptr && *untaken
                                    ? not_taken_reply()
                                    : unknown_command_reply(each.order->job));
  }
  return true;
}

order_courier_actor::behavior_type
order_courier(order_courier_state::self_pointer self,
              order_courier_options options) {
  self->state.options = std::move(options);
  self->send(self, next_atom::value);
  return {
    [self](const job_order_ptr& order, journal_owner to) {
      self->state.options.env->fault_point(order_courier_state::name);
      self->state.post(order, to);
    },
    [self](next_atom) {
      auto& state = self->state;
      state.options.env->fault_point(order_courier_state::name);
      const bool is_well = state.look();
      const auto& wanted = state.options;
      self->delayed_send(self,
                         !is_well ? wanted.try_every
                         : state.waiting.empty()
                           ? wanted.look_every
                           : wanted.look_for_answers_every,
                         next_atom::value);
    },
  };
}

} // namespace handoff
