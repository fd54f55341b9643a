#include "job/clone_traffic.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace handoff {

std::string upstream_of(std::string_view url) {
  const auto colon = url.find("://");
  if (colon == std::string_view::npos)
    return {};
  // Of an IPv6 address the colons stand in brackets (RFC 3986, section 3.2.2).
  const auto end = url.find_first_of("/?#", colon + 3);
  const auto size = std::min(end, url.size());
  std::string made;
  made.reserve(size + 4);
  bool has_port = false;
  for (std::size_t at = 0; at < size; ++at) {
    const char c = url[at];
    has_port = at >= colon + 3 && (c == ':' || (has_port && c != ']'));
    made += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (!has_port)
    made += made.starts_with("https:") ? ":443" : ":80";
  return made;
}

latency_estimate clone_line::latency() const {
  const std::scoped_lock lock{mutex_};
  return latency_;
}

std::size_t clone_place::enter(std::shared_ptr<clone_line> line) {
  if (line_ != line) {
    leave();
    line_ = std::move(line);
    return line_->count_.fetch_add(1);
  }
  return line_->count() - 1;
}

void clone_place::leave() {
  if (const auto left = std::exchange(line_, nullptr))
    left->count_.fetch_sub(1);
}

std::shared_ptr<clone_line> clone_traffic::at(const std::string& upstream) {
  return find(upstream);
}

std::shared_ptr<clone_line> clone_traffic::of(std::string_view flow,
                                              std::string_view step,
                                              std::string_view upstream) {
  std::string key{flow};
  (((key += ' ') += step) += ' ') += upstream;
  return find(std::move(key));
}

std::shared_ptr<clone_line> clone_traffic::find(std::string key) {
  const std::scoped_lock lock{mutex_};
  auto& line = lines_[std::move(key)];
  if (line == nullptr)
    line = std::make_shared<clone_line>();
  auto found = line;
  found->used_ = ++lookups_;
  if (lines_.size() > lines_max)
    make_room();
  return found;
}

void clone_traffic::make_room() {
  // A quarter at once, so that it is done seldom. Those that others hold are
  // in use, and stay: jobs in flight bound them.
  std::vector<std::uint64_t> unused;
  for (const auto& [key, line] : lines_)
    if (line.use_count() == 1)
      unused.push_back(line->used_);
  const auto some = std::min(unused.size(), lines_max / 4);
  if (some == 0)
    return;
  std::nth_element(unused.begin(),
                   unused.begin() + static_cast<std::ptrdiff_t>(some - 1),
                   unused.end());
  const auto newest = unused[some - 1];
  std::erase_if(lines_, [newest](const auto& each) {
    return each.second.use_count() == 1 && each.second->used_ <= newest;
  });
}

void clone_traffic::observe(std::string_view flow, std::string_view step,
                            const std::string& upstream, const exchange& done,
                            bool is_good) {
  const bool timed_out = done.sent && done.failure
                      && done.failure->kind == error_kind::attempt_timed_out;
  if (!is_good && !timed_out)
    return;
  for (const auto& line : {at(upstream), of(flow, step, upstream)}) {
    const std::scoped_lock lock{line->mutex_};
    if (is_good)
      line->latency_.observe(done.duration);
    else
      line->latency_.observe_at_least(done.duration);
  }
}

} // namespace handoff
