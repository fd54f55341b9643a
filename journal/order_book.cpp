#include "journal/order_book.hpp"

#include <utility>

namespace handoff {

std::int64_t order_book::post(journal_owner to, std::string_view job,
                              std::string_view command) {
  const std::scoped_lock lock{mutex_};
  orders_[++last_] = {to, std::string{job}, std::string{command}, false,
                      std::nullopt};
  return last_;
}

std::vector<posted_order> order_book::take(journal_owner owner) {
  const std::scoped_lock lock{mutex_};
  std::vector<posted_order> taken;
  for (auto& [number, order] : orders_)
    if (order.to == owner && !std::exchange(order.taken, true))
      taken.push_back({number, order.job, order.command});
  return taken;
}

void order_book::answer(journal_owner owner, std::int64_t number,
                        std::string_view answer) {
  const std::scoped_lock lock{mutex_};
  const auto found = orders_.find(number);
  if (found == orders_.end() || found->second.to != owner
      || !found->second.taken || found->second.answer)
    return;
  found->second.answer = std::string{answer};
}

std::optional<std::string> order_book::take_answer(std::int64_t number) {
  const std::scoped_lock lock{mutex_};
  const auto found = orders_.find(number);
  if (found == orders_.end() || !found->second.answer)
    return std::nullopt;
  auto answer = std::move(*found->second.answer);
  orders_.erase(found);
  return answer;
}

bool order_book::withdraw(std::int64_t number) {
  const std::scoped_lock lock{mutex_};
  const auto order = orders_.extract(number);
  return !order.empty() && !order.mapped().taken;
}

} // namespace handoff
