#include "http/admin/bulk_retry.hpp"

#include "actors/replies.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace handoff {
namespace {

constexpr std::size_t step = 100;

/// The ids of the jobs that the query selects, newest first.
result<std::vector<std::string>> matching(journal_reader& reader,
                                          job_query query) {
  std::vector<std::string> ids;
  query.limit = 1'000;
  query.before.clear();
  for (;;) {
    const auto found = reader.list(query);
    if (const auto* failed = std::get_if<error>(&found))
      return *failed;
    const auto& page = std::get<job_page>(found);
    for (const auto& each : page.jobs)
      if (ids.size() < bulk_retry_max)
        ids.push_back(each.id);
    if (!page.next || ids.size() >= bulk_retry_max)
      return ids;
    query.before = *page.next;
  }
}

/// What is known of one call while it goes on.
class bulk : public std::enable_shared_from_this<bulk> {
public:
  bulk(operator_options options, bool current_definition,
       std::vector<std::string> ids, responder_ptr responder)
      : options_{std::move(options)},
        current_definition_{current_definition},
        ids_{std::move(ids)},
        responder_{std::move(responder)} {}

  /// Orders the next ones, or answers if there are no more. Called by one
  /// thread at a time.
  void go_on() {
    if (next_ >= ids_.size()) {
      responder_->answer(json_reply(
        200, {{"matched", ids_.size()}, {"retried", retried_.load()}}));
      return;
    }
    options_.views.ask(responder_,
                       [self = shared_from_this()](
                         journal_reader& reader) -> std::optional<reply> {
                         self->order_some(reader);
                         return std::nullopt;
                       });
  }

private:
  /// Takes the answer to one order, or hears that there will be none. The last
  /// one of a group has the next group ordered.
  class counting_responder final : public responder {
  public:
    counting_responder(std::shared_ptr<bulk> of,
                       std::shared_ptr<const void> group)
        : of_{std::move(of)}, group_{std::move(group)} {}

    bool answer(reply what) override {
      if (told_.exchange(true))
        return false;
      if (what.status == 200)
        of_->retried_.fetch_add(1);
      group_.reset();
      return true;
    }

    void answer_by(time_point, reply) override {}

    void on_outcome(std::function<void(const reply_outcome&)>) override {}

  private:
    std::shared_ptr<bulk> of_;
    std::shared_ptr<const void> group_;
    std::atomic<bool> told_ = false;
  };

  void order_some(journal_reader& reader) {
    const std::shared_ptr<const void> group{
      nullptr, [self = shared_from_this()](const void*) {
        self->go_on();
      }};
    const auto end = std::min(next_ + step, ids_.size());
    for (; next_ < end; ++next_) {
      const auto found = reader.find(ids_[next_]);
      const auto* record = std::get_if<std::optional<job>>(&found);
      if (record == nullptr || !*record)
        continue; // forgotten meanwhile
      auto order = order_for(
        reader, options_, **record,
        retry_command{std::nullopt, current_definition_},
        std::make_shared<counting_responder>(shared_from_this(), group));
      if (current_definition_ && !order.current)
        continue;
      caf::anon_send(options_.root,
                     std::make_shared<const job_order>(std::move(order)));
    }
  }

  operator_options options_;
  bool current_definition_;
  std::vector<std::string> ids_;
  responder_ptr responder_;
  std::size_t next_ = 0;
  std::atomic<std::size_t> retried_ = 0;
};

} // namespace

void bulk_retry(const operator_options& options, bulk_retry_options wanted,
                const responder_ptr& responder) {
  options.views.ask(
    responder,
    [options, wanted = std::move(wanted),
     responder](journal_reader& reader) -> std::optional<reply> {
      auto found = matching(reader, wanted.query);
      if (const auto* failed = std::get_if<error>(&found))
        return problem_reply(*failed);
      auto& ids = std::get<std::vector<std::string>>(found);
      if (wanted.dry_run)
        return json_reply(200, {{"matched", ids.size()}, {"retried", 0}});
      std::make_shared<bulk>(options, wanted.current_definition, std::move(ids),
                             responder)
        ->go_on();
      return std::nullopt;
    });
}

} // namespace handoff
