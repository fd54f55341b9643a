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

void outbound_client::drain() {
  loop_->drain();
}

std::vector<upstream_counts> outbound_client::counts() const {
  return loop_->counts();
}

clone_room outbound_client::room_for_clones(const std::string& host) const {
  return loop_->room_for_clones(host);
}

} // namespace handoff
