#include "http/outbound/outbound_client.hpp"

#include "http/outbound/outbound_loop.hpp"

#include <utility>

namespace handoff {

outbound_client::outbound_client(outbound_options options)
    : loop_{std::make_unique<loop>(std::move(options))} {}

outbound_client::~outbound_client() = default;

void outbound_client::start(outbound_call_ptr call, completion done) {
  loop_->start(std::move(call), std::move(done));
}

std::shared_ptr<call_turns> outbound_client::turns() const {
  return loop_->turns();
}

std::vector<connection_state> outbound_client::connections() const {
  return loop_->connections();
}

} // namespace handoff
