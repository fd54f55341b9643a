#include "tools/handoff/simulated_webhook.hpp"

#include "actors/replies.hpp"
#include "http/ingress/handshake.hpp"

#include <utility>

namespace handoff {

std::variant<std::shared_ptr<clone_order>, reply>
simulated_order(const flow_ptr& definition, const headers& fields,
                const read_webhook& posted, order_facts facts) {
  webhook hook;
  hook.flow = definition->name;
  hook.headers = fields;
  const auto& document = posted.document;
  auto question = handshake(*definition, "POST", hook, document, true);
  if (const auto* failed = std::get_if<error>(&question))
    return problem_reply(*failed);
  if (auto& known = std::get<std::optional<handshake_answer>>(question))
    return std::move(known->reply);
  if (auto ignored = ignored_reply(*definition, hook, document))
    return std::move(*ignored);
  auto made = make_order(definition, {fields, {}, posted.body, document},
                         std::move(facts));
  if (const auto* failed = std::get_if<error>(&made))
    return problem_reply(*failed);
  return std::get<std::shared_ptr<clone_order>>(std::move(made));
}

} // namespace handoff
