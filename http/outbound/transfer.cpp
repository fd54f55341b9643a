#include "http/outbound/transfer.hpp"

#include "http/outbound/call_answer.hpp"
#include "http/outbound/connect_error.hpp"
#include "job/token.hpp"

#include <algorithm>
#include <utility>

namespace handoff {

transfer::transfer(outbound_call_ptr call, call_target to,
                   outbound_client::completion done,
                   std::shared_ptr<call_profile> profile)
    : call_{std::move(call)},
      turn_{dynamic_cast<governed_turn*>(call_->turn.get())},
      target_{std::move(to)},
      done_{std::move(done)},
      profile_{std::move(profile)} {
  if (target_.origin != nullptr)
    way_ = std::to_string(profile_->id) + ' ' + origin().host;
}

void transfer::connect_to(const std::vector<std::string>& addresses) {
  const auto is_ipv6 = [](const std::string& text) {
    return text.find(':') != std::string::npos;
  };
  // libcurl gives each family one line of attempts, the second 200 ms after the
  // first (RFC 8305), and within a line waits for half of what is left of the
  // connect-timeout. So that one of several IPv4 addresses which is dead costs
  // no more than that either, those after the first are written as IPv6 (RFC
  // 4291, section 2.5.5.2), which the kernel connects as what they are.
  const bool are_all_ipv4 =
    std::none_of(addresses.begin(), addresses.end(), is_ipv6);
  address_line_ = "+" + origin().name + ":" + origin().port + ":";
  for (const auto& each : addresses) {
    if (&each == &addresses.front())
      address_line_ += is_ipv6(each) ? "[" + each + "]" : each;
    else if (are_all_ipv4)
      address_line_ += ",[::ffff:" + each + "]";
    else
      address_line_ += is_ipv6(each) ? ",[" + each + "]" : "," + each;
  }
}

socket_place transfer::take_place() {
  return turn_ != nullptr ? turn_->take_place() : socket_place{};
}

exchange transfer::give_up(error_kind kind, std::string detail) {
  return without_answer(kind, std::move(detail), false, {}, {});
}

exchange transfer::not_resolved(time_point now) {
  constexpr auto kind = error_kind::name_not_resolved;
  // A lookup needs descriptors, too, and does not say that it had none.
  return take_place().are_short(now)
         ? give_up(error_kind::overloaded, "no descriptor was left for it")
         : give_up(kind, clause_of(kind));
}

void transfer::tell(exchange done) {
  done.token = token_number_;
  if (token_number_ != 0)
    hide_token(done, token_);
  if (turn_ != nullptr)
    turn_->finished(outcome_of(done));
  if (done_)
    std::exchange(done_, nullptr)(std::move(done));
}

} // namespace handoff
