#include "http/ingress/webhook_log.hpp"

#include "actors/messages.hpp"
#include "job/credential.hpp"
#include "job/excerpt.hpp"
#include "job/timestamp.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

using nlohmann::json;

constexpr std::string_view hidden = "***";

void mask_head(turned_away& entry, const flow* definition) {
  std::size_t bytes = 0;
  headers kept;
  for (auto& [name, value] : entry.headers) {
    if (is_credential(name)
        || (definition != nullptr
            && definition->verify.credential_headers.contains(
              lower_case(name))))
      value = hidden;
    else if (definition != nullptr)
      value = masked(*definition, std::move(value));
    bytes += name.size() + value.size();
    if (bytes > webhook_log::head_bytes_max)
      break;
    kept.push_back({name, value});
  }
  entry.headers = std::move(kept);
}

json shown(const turned_away& entry) {
  auto fields = json::array();
  for (const auto& each : entry.headers)
    fields.push_back({{"name", each.name}, {"value", each.value}});
  return {{"at", timestamp(entry.at)},
          {"flow", entry.flow},
          {"remote", entry.remote.empty() ? json(nullptr) : json(entry.remote)},
          {"outcome", name(entry.outcome)},
          {"status", entry.status},
          {"detail", entry.detail},
          {"headers", std::move(fields)},
          {"body", entry.body}};
}

} // namespace

std::string_view name(webhook_outcome outcome) noexcept {
  switch (outcome) {
  case webhook_outcome::bad_signature:
    return "bad-signature";
  case webhook_outcome::ignored:
    return "ignored";
  case webhook_outcome::handshake:
    return "handshake";
  case webhook_outcome::malformed:
    return "malformed";
  case webhook_outcome::refused:
    return "refused";
  case webhook_outcome::unknown_flow:
    return "unknown-flow";
  }
  return "unknown";
}

void webhook_log::add(turned_away entry, const flow* definition) {
  mask_head(entry, definition);
  auto body = masked_excerpt(entry.body, body_bytes_taken);
  if (definition != nullptr) {
    body = masked(*definition, std::move(body));
    entry.detail = masked(*definition, std::move(entry.detail));
  }
  entry.body = body.substr(0, body_bytes_max);
  auto share = definition != nullptr ? definition->name : std::string{};
  const std::scoped_lock lock{mutex_};
  if (entries_.size() >= kept_max)
    drop_one();
  ++shares_[share];
  entries_.push_back({std::move(entry), std::move(share)});
}

void webhook_log::drop_one() {
  const auto largest = std::max_element(
    shares_.begin(), shares_.end(),
    [](const auto& a, const auto& b) { return a.second < b.second; });
  entries_.erase(
    std::find_if(entries_.begin(), entries_.end(), [&](const auto& each) {
      return each.share == largest->first;
    }));
  if (--largest->second == 0)
    shares_.erase(largest);
}

json webhook_log::document(const filter& wanted) const {
  auto list = json::array();
  const std::scoped_lock lock{mutex_};
  for (auto each = entries_.rbegin();
       each != entries_.rend() && list.size() < wanted.limit; ++each) {
    const auto& entry = each->entry;
    const bool fits =
      (!wanted.flow || *wanted.flow == entry.flow)
      && (!wanted.outcome || *wanted.outcome == name(entry.outcome))
      && (!wanted.since || entry.at >= *wanted.since);
    if (fits)
      list.push_back(shown(entry));
  }
  return {{"webhooks", std::move(list)}};
}

webhook_outcome outcome_of_unread(error_kind why) noexcept {
  return why == error_kind::invalid_request ? webhook_outcome::malformed
                                            : webhook_outcome::refused;
}

std::string remote_of(const headers& fields) {
  constexpr std::size_t longest = 64;
  // The proxy may have added a field of its own to those that were there, which
  // are one list (RFC 9110, section 5.3).
  const auto last =
    std::find_if(fields.rbegin(), fields.rend(), [](const header& each) {
      return lower_case(each.name) == "x-forwarded-for";
    });
  if (last == fields.rend())
    return {};
  const auto* forwarded = &last->value;
  const auto comma = forwarded->rfind(',');
  const auto start = forwarded->find_first_not_of(
    " \t", comma == std::string::npos ? 0 : comma + 1);
  return start == std::string::npos ? std::string{}
                                    : forwarded->substr(start, longest);
}

void webhook_log::add(const clone_order& order, const error& why) {
  const auto& hook = order.record.hook;
  add({hook.received, order.definition->name, remote_of(hook.headers),
       why.kind == error_kind::invalid_request ? webhook_outcome::malformed
                                               : webhook_outcome::refused,
       http_status(why.kind), why.detail, hook.headers,
       std::string{hook.body.bytes().substr(0, body_bytes_taken)}},
      order.definition.get());
}

} // namespace handoff
