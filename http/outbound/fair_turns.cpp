#include "http/outbound/fair_turns.hpp"

#include <iterator>

namespace handoff {

fair_turns::place fair_turns::push(std::uint64_t call, std::string_view job) {
  place at;
  if (auto known = by_job_.find(job); known != by_job_.end()) {
    at.line_ = known->second;
  } else {
    lines_.push_back({std::string{job}, {}});
    at.line_ = std::prev(lines_.end());
    by_job_.emplace(at.line_->job, at.line_);
  }
  at.line_->calls.push_back(call);
  at.call_ = std::prev(at.line_->calls.end());
  ++size_;
  return at;
}

std::uint64_t fair_turns::pop() {
  auto first = lines_.begin();
  auto call = first->calls.front();
  first->calls.pop_front();
  --size_;
  if (first->calls.empty())
    forget(first);
  else
    lines_.splice(lines_.end(), lines_, first);
  return call;
}

void fair_turns::erase(const place& at) {
  at.line_->calls.erase(at.call_);
  --size_;
  if (at.line_->calls.empty())
    forget(at.line_);
}

void fair_turns::forget(line_position at) {
  by_job_.erase(at->job);
  lines_.erase(at);
}

} // namespace handoff
