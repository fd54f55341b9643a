#include "http/ingress/webhook_log.hpp"

#include "job/credential.hpp"
#include "job/timestamp.hpp"

#include <algorithm>
#include <utility>

namespace handoff {
namespace {

using nlohmann::json;

constexpr std::string_view hidden = "***";
constexpr std::string_view blanks = " \t\r\n";

/// The end of the JSON string that begins at `start`, behind its quote.
std::size_t string_end(std::string_view text, std::size_t start) {
  for (auto at = start + 1; at < text.size(); ++at) {
    if (text[at] == '\\')
      ++at;
    else if (text[at] == '"')
      return at + 1;
  }
  return text.size();
}

/// The value of a member that begins at `start`: a string, or what there is up
/// to the next member.
std::size_t value_end(std::string_view text, std::size_t start) {
  if (start < text.size() && text[start] == '"')
    return string_end(text, start);
  const auto end = text.find_first_of(",}]", start);
  return end == std::string_view::npos ? text.size() : end;
}

std::string masked_json(std::string_view text) {
  std::string masked;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto quote = text.find('"', at);
    if (quote == std::string_view::npos)
      break;
    const auto end = string_end(text, quote);
    masked += text.substr(at, end - at);
    at = end;
    const auto colon = text.find_first_not_of(blanks, end);
    if (colon == std::string_view::npos || text[colon] != ':'
        || !is_credential(text.substr(quote, end - quote)))
      continue;
    const auto value = text.find_first_not_of(blanks, colon + 1);
    if (value == std::string_view::npos)
      continue;
    masked += text.substr(end, value - end);
    masked += "\"***\"";
    at = value_end(text, value);
  }
  if (at < text.size())
    masked += text.substr(at);
  return masked;
}

std::string masked_form(std::string_view text) {
  std::string masked;
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto field = text.substr(0, end);
    const auto equals = field.find('=');
    if (equals != std::string_view::npos
        && is_credential(field.substr(0, equals))) {
      masked += field.substr(0, equals + 1);
      masked += hidden;
    } else {
      masked += field;
    }
    if (end < text.size())
      masked += '&';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return masked;
}

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

std::string masked_excerpt(std::string_view body, std::size_t bytes_max) {
  // What is masked gets shorter or longer by little, so that it is cut twice.
  const auto start = body.substr(0, bytes_max);
  const auto first = start.find_first_not_of(blanks);
  const bool is_json =
    first != std::string_view::npos
    && (start[first] == '{' || start[first] == '[' || start[first] == '"');
  auto masked = is_json ? masked_json(start) : masked_form(start);
  if (masked.size() > bytes_max)
    masked.resize(bytes_max);
  return masked;
}

void webhook_log::add(turned_away entry, const flow* definition) {
  mask_head(entry, definition);
  entry.body = masked_excerpt(entry.body, body_bytes_max);
  if (definition != nullptr) {
    entry.body = masked(*definition, std::move(entry.body));
    entry.detail = masked(*definition, std::move(entry.detail));
  }
  const std::scoped_lock lock{mutex_};
  if (entries_.size() >= kept_max)
    entries_.pop_front();
  entries_.push_back(std::move(entry));
}

json webhook_log::document(const filter& wanted) const {
  auto list = json::array();
  const std::scoped_lock lock{mutex_};
  for (auto each = entries_.rbegin();
       each != entries_.rend() && list.size() < wanted.limit; ++each) {
    const bool fits =
      (!wanted.flow || *wanted.flow == each->flow)
      && (!wanted.outcome || *wanted.outcome == name(each->outcome))
      && (!wanted.since || each->at >= *wanted.since);
    if (fits)
      list.push_back(shown(*each));
  }
  return {{"webhooks", std::move(list)}};
}

} // namespace handoff
