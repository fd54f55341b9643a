#pragma once

#include "actors/order.hpp"
#include "actors/responder.hpp"
#include "http/ingress/webhook_reader.hpp"
#include "tools/handoff/rehearsal/flow_book.hpp"
#include "tools/handoff/rehearsal/life.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace handoff::rehearsal {

/// What a sender, or an operator, is told by one process of the service: once,
/// by its deadline, or nothing where the process ends before that.
class rehearsed_responder
    : public responder,
      public std::enable_shared_from_this<rehearsed_responder> {
public:
  rehearsed_responder(agenda& time, std::shared_ptr<bool> alive,
                      std::function<void(const reply&)> told);
  ~rehearsed_responder() override;

  bool answer(reply what) override;
  void answer_by(time_point when, reply what) override;
  void on_outcome(std::function<void(const reply_outcome&)> told) override;

  /// Who asked has gone.
  void hang_up();

  bool is_over() const { return outcome_.has_value(); }

private:
  void end(reply_outcome outcome);
  void watch();

  agenda& time_;
  std::shared_ptr<bool> alive_;
  std::function<void(const reply&)> told_;
  std::vector<std::function<void(const reply_outcome&)>> listeners_;
  std::optional<reply_outcome> outcome_;
  std::optional<time_point> due_;
  std::optional<reply> otherwise_;
};

/// Those who send webhooks: with and without keys, once or again and again.
class senders {
public:
  senders(const surroundings& around, const flow_book& flows);

  /// Sends webhook number `n` to the process that `where` gives then, and
  /// whatever follows from what is answered.
  void send(std::uint64_t n, std::function<life*()> where);

  /// The process that they wait for has gone.
  void cut_off();

  /// Nobody waits for anything, or is about to send again.
  bool are_done() const { return open_ == 0; }

private:
  struct webhook_plan;
  struct delivery;

  webhook_plan plan(std::uint64_t n) const;
  void deliver(const std::shared_ptr<delivery>& what);
  void answered(const std::shared_ptr<delivery>& what, const reply& told);
  void hang_up(const std::shared_ptr<delivery>& what);
  void unanswered(const std::shared_ptr<delivery>& what);
  void again(const std::shared_ptr<delivery>& what,
             std::chrono::milliseconds pause);
  order_facts facts();

  const surroundings& around_;
  const flow_book& flows_;
  draws ids_;
  std::uint64_t open_ = 0;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::shared_ptr<delivery>> waiting_;
};

} // namespace handoff::rehearsal
