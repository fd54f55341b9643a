#pragma once

#include "config/connection_registry.hpp"
#include "job/exchange.hpp"
#include "tools/fake_api/ledger.hpp"
#include "tools/fake_api/script.hpp"
#include "tools/handoff/rehearsal/agenda.hpp"
#include "tools/handoff/rehearsal/promises.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace handoff::rehearsal {

/// The APIs that the service calls: what they answer and when, what they have
/// done of it, and how they fail. What they do outlives the service.
class upstreams {
public:
  struct options {
    std::uint64_t seed = 1;
    bool faults = true;
    std::optional<fake_api::script> script;
    std::shared_ptr<connection_registry> connections;
  };

  upstreams(agenda& time, promises& watched, rehearsal_report& report,
            options how)
      : time_{time},
        watched_{watched},
        report_{report},
        options_{std::move(how)} {}

  /// Makes a call of the process that is there now; `done` is told its end,
  /// unless the process has gone by then.
  void start(const outbound_call_ptr& call, std::function<void(exchange)> done);

  /// Another process makes calls from now on.
  void cut_off() { ++process_; }

  /// Whoever fails has stopped to.
  void calm_down() { is_calm_ = true; }

  /// Calls under way.
  std::size_t in_flight() const { return in_flight_; }

private:
  /// What an upstream makes of one call.
  struct answer {
    std::chrono::milliseconds took{0};
    exchange done;
    bool has_effect = false;
  };

  answer make_answer(job_truth& which, const called_step& step,
                     const outbound_call& call, const std::string& upstream);
  answer honest(job_truth& which, const called_step& step,
                const outbound_call& call, draws& random);
  answer scripted(const fake_api::step& how, const fake_api::request& incoming,
                  draws& random);
  bool fails(answer& made, const called_step& step, const outbound_call& call,
             const std::string& upstream, draws& random);
  bool weather(answer& made, const outbound_call& call,
               const std::string& upstream, draws& random);
  void do_it(job_truth& which, const called_step& step, const answer& made,
             draws& random);

  agenda& time_;
  promises& watched_;
  rehearsal_report& report_;
  options options_;
  fake_api::ledger seen_{false};
  std::uint64_t process_ = 0;
  bool is_calm_ = false;
  std::size_t in_flight_ = 0;
};

} // namespace handoff::rehearsal
