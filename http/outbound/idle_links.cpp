#include "http/outbound/idle_links.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace handoff {

std::chrono::milliseconds idle_links::kept_for(const headers& fields) {
  constexpr std::string_view parameter = "timeout=";
  const auto* field = find_header(fields, "Keep-Alive");
  const auto at = field != nullptr ? field->find(parameter) : std::string::npos;
  if (at == std::string::npos)
    return idle_max;
  // More is as good as the most that counts.
  constexpr unsigned most = 60;
  unsigned seconds = most;
  const auto* begin = field->data() + at + parameter.size();
  std::from_chars(begin, field->data() + field->size(), seconds);
  const std::chrono::seconds said{std::min(seconds, most)};
  const std::chrono::seconds spare{1};
  return std::min<std::chrono::milliseconds>(idle_max,
                                             std::max(said, spare) - spare);
}

std::unique_ptr<upstream_link> idle_links::take(const std::string& upstream,
                                                time_point now) {
  tick(now);
  for (auto known = by_upstream_.find(upstream); known != by_upstream_.end();
       known = by_upstream_.find(upstream)) {
    const bool is_over = known->second.back()->until <= now;
    auto link = remove(known->second.back());
    // Its end may have come, and epoll not told of it yet.
    if (!is_over && link->is_quiet())
      return link;
  }
  return nullptr;
}

void idle_links::add(const std::string& upstream,
                     std::unique_ptr<upstream_link> link, time_point until) {
  if (all_.size() >= links_max)
    remove(all_.begin());
  all_.push_back({upstream, std::move(link), until});
  const auto newest = std::prev(all_.end());
  by_upstream_[upstream].push_back(newest);
  by_socket_.emplace(newest->link->socket(), newest);
}

bool idle_links::socket_ready(curl_socket_t fd) {
  const auto known = by_socket_.find(fd);
  if (known == by_socket_.end())
    return false;
  // TLS sends new sessions at times (RFC 8446, section 4.6.1). Anything else
  // that comes unasked for is an end.
  if (!known->second->link->is_quiet())
    remove(known->second);
  return true;
}

std::unique_ptr<upstream_link> idle_links::remove(place at) {
  auto link = std::move(at->link);
  auto& same = by_upstream_.at(at->upstream);
  same.erase(std::find(same.begin(), same.end(), at));
  if (same.empty())
    by_upstream_.erase(at->upstream);
  by_socket_.erase(link->socket());
  all_.erase(at);
  return link;
}

void idle_links::close(const std::string& upstream) {
  for (auto known = by_upstream_.find(upstream); known != by_upstream_.end();
       known = by_upstream_.find(upstream))
    remove(known->second.back());
}

void idle_links::close_all() {
  by_upstream_.clear();
  by_socket_.clear();
  all_.clear();
}

void idle_links::tick(time_point now) {
  while (!all_.empty() && all_.front().until <= now)
    remove(all_.begin());
}

std::optional<idle_links::time_point> idle_links::next_tick() const {
  return all_.empty() ? std::nullopt : std::optional{all_.front().until};
}

} // namespace handoff
