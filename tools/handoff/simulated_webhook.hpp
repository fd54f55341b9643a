#pragma once

#include "actors/order.hpp"
#include "http/ingress/webhook_reader.hpp"

#include <memory>
#include <variant>

namespace handoff {

/// What becomes of a webhook that is let in: an order for the actors, or an
/// answer at once, where it makes no job. As in http/ingress, without what is
/// of the socket, the signature and the limits.
std::variant<std::shared_ptr<clone_order>, reply>
simulated_order(const flow_ptr& definition, const headers& fields,
                const read_webhook& posted, order_facts facts);

} // namespace handoff
