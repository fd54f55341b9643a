#include "actors/order.hpp"

#include "actors/call_builder.hpp"
#include "actors/prefer.hpp"
#include "config/sha256.hpp"
#include "job/credential.hpp"
#include "job/excerpt.hpp"
#include "job/outcome.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace handoff {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view hidden = "***";
constexpr std::size_t key_bytes_max = 256;

/// Takes out what is as good as a password before it goes anywhere, but for
/// what the flow itself refers to.
void hide_credentials(webhook& hook, const flow& definition) {
  const auto& rule = definition.verify;
  for (auto& [name, value] : hook.headers)
    if ((is_credential(name)
         || rule.credential_headers.contains(lower_case(name)))
        && !definition.referenced_headers.contains(lower_case(name)))
      value = hidden;
  for (auto& [name, value] : hook.query)
    if ((is_credential(name) || rule.credential_query.contains(name))
        && !definition.referenced_query.contains(name))
      value = hidden;
}

/// What a sender asks for can make its answer come earlier, never later.
void prefer(clone_order& order, const order_facts& facts, milliseconds limit,
            const preferences& preferred) {
  const bool waits = preferred.wait && *preferred.wait < limit;
  if (waits)
    order.answer_by =
      std::min(order.answer_by,
               facts.arrived
                 + std::max(*preferred.wait - facts.margin, milliseconds{0}));
  // With both, the wait comes first (RFC 7240, section 4.3).
  order.respond_async = preferred.respond_async && !preferred.wait;
  if (preferred.respond_async)
    order.preference_applied = "respond-async";
  if (waits)
    order.preference_applied += (preferred.respond_async ? ", wait=" : "wait=")
                              + std::to_string(preferred.wait->count());
}

/// Two senders that are told apart by one field may not send it twice: which of
/// them counts would be a guess, and so would be whose job it is.
std::optional<error> repeated_field(const flow& definition,
                                    const headers& fields) {
  for (const auto& each : definition.idempotency_key.expressions()) {
    if (each.source != template_expression::source_kind::header)
      continue;
    const auto name = lower_case(each.name);
    const auto count =
      std::count_if(fields.begin(), fields.end(), [&](const auto& field) {
        return lower_case(field.name) == name;
      });
    if (count > 1)
      return error{error_kind::invalid_request,
                   "the header " + each.name + " appears "
                     + std::to_string(count)
                     + " times: send it once, it is the idempotency key"};
  }
  return std::nullopt;
}

/// Whether the expression has no value here: it is missing or null, and has no
/// default.
bool is_missing(const template_expression& expression,
                const template_context& context) {
  return !(expression.fallback && !expression.fallback->is_null())
      && !has_value(expression, context, true);
}

/// The webhook's claim on an idempotency key, if it has one.
result<std::optional<idempotency_claim>>
claim_of(const flow& definition, const webhook& hook,
         const nlohmann::json& document) {
  if (auto repeated = repeated_field(definition, hook.headers))
    return std::move(*repeated);
  template_context context;
  context.hook = &hook;
  context.body = [&document](const auto&) {
    return &document;
  };
  const auto& expressions = definition.idempotency_key.expressions();
  if (std::any_of(expressions.begin(), expressions.end(),
                  [&](const auto& each) { return is_missing(each, context); }))
    return std::nullopt;
  const auto key =
    definition.idempotency_key.render(context, template_place::text);
  if (const auto* failed = std::get_if<error>(&key))
    return error{error_kind::invalid_request,
                 "the idempotency key cannot be made: " + failed->detail};
  const auto& text = std::get<std::string>(key);
  if (text.empty())
    return std::nullopt;
  // What is journaled as a key is bounded; equal texts stay equal.
  return idempotency_claim{
    text.size() > key_bytes_max ? sha256_hex(text) : text,
    sha256_hex(hook.body.bytes()), hook.received + definition.idempotency_keep};
}

/// What people call the job. What cannot be rendered is no reason to refuse a
/// webhook.
std::string title_of(const flow& definition, const webhook& hook) {
  const auto& literals = definition.title.literals();
  if (literals.size() == 1 && literals.front().empty())
    return {};
  template_context context;
  set_webhook(context, hook);
  auto rendered = definition.title.render(context, template_place::text);
  auto* text = std::get_if<std::string>(&rendered);
  if (text == nullptr)
    return {};
  auto title = as_utf8(masked(definition, std::move(*text)));
  for (auto& each : title)
    if (static_cast<unsigned char>(each) < 0x20 || each == 0x7f)
      each = ' ';
  return cut_text(std::move(title), title_bytes_max);
}

/// What is rendered again and again, where it takes little memory. Else it is
/// read from the text when it is needed: a tree of values may take fifty times
/// as much as its text.
std::shared_ptr<const nlohmann::json> kept_parts(const flow& definition,
                                                 nlohmann::json document) {
  if (memory_of(document, kept_parts_bytes_max) <= kept_parts_bytes_max)
    return std::make_shared<const nlohmann::json>(std::move(document));
  auto parts = std::make_shared<const nlohmann::json>(
    selected_parts(document, definition.referenced_body));
  return memory_of(*parts, kept_parts_bytes_max) <= kept_parts_bytes_max
         ? std::move(parts)
         : nullptr;
}

} // namespace

milliseconds deadline_limit(const flow& definition, milliseconds limit) {
  return std::min(limit, definition.deadline_limit);
}

trace_context trace_of(const headers& fields) {
  const auto* parent = find_header(fields, "traceparent");
  constexpr std::string_view tracestate = "tracestate";
  std::vector<std::string_view> states;
  for (const auto& each : fields)
    if (each.name.size() == tracestate.size()
        && lower_case(each.name) == tracestate)
      states.push_back(each.value);
  return continue_trace(parent != nullptr ? *parent : "", states);
}

result<std::shared_ptr<clone_order>> make_order(const flow_ptr& definition,
                                                posted_webhook posted,
                                                order_facts facts) {
  const auto limit = deadline_limit(*definition, facts.limit);
  auto order = std::make_shared<clone_order>();
  order->definition = definition;
  order->journal_by =
    facts.arrived + std::max(limit - facts.margin, milliseconds{0});
  order->answer_by = order->journal_by;
  prefer(*order, facts, limit, read_preferences(posted.headers));
  auto& record = order->record;
  record.id = std::move(facts.job);
  record.flow = definition->name;
  record.flow_version = definition->version;
  record.deadline = facts.received
                  + std::chrono::duration_cast<wall_time::duration>(
                      order->answer_by - facts.now);
  record.hook.job = record.id;
  record.hook.flow = definition->name;
  record.hook.received = facts.received;
  record.hook.body = std::move(posted.body);
  record.hook.query = std::move(posted.query);
  record.hook.trace = std::move(facts.trace);
  record.hook.headers = std::move(posted.headers);
  auto claim = claim_of(*definition, record.hook, posted.document);
  if (auto* failed = std::get_if<error>(&claim))
    return std::move(*failed);
  record.claim = std::get<std::optional<idempotency_claim>>(std::move(claim));
  record.hook.parts = kept_parts(*definition, std::move(posted.document));
  hide_credentials(record.hook, *definition);
  record.title = title_of(*definition, record.hook);
  return order;
}

} // namespace handoff
