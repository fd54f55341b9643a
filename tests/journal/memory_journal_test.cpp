#include "journal/memory_journal.hpp"
#include "tests/journal/conformance.hpp"

namespace handoff {
namespace {

class memory_fixture final : public journal_fixture {
public:
  handoff::journal& journal() override { return *journal_; }

  void reopen() override {
    journal_.reset();
    journal_ = std::make_unique<memory_journal>(store_);
  }

  void fence() override { store_->fence(journal_->owner()); }

  handoff::journal* other() override {
    if (!other_)
      other_ = std::make_unique<memory_journal>(store_);
    return other_.get();
  }

private:
  std::shared_ptr<memory_store> store_ = std::make_shared<memory_store>();
  std::unique_ptr<memory_journal> journal_ =
    std::make_unique<memory_journal>(store_);
  std::unique_ptr<memory_journal> other_;
};

} // namespace

INSTANTIATE_TEST_SUITE_P(Memory, JournalConformance,
                         testing::Values(backend{
                           "memory",
                           [] {
                             return std::make_unique<memory_fixture>();
                           }}),
                         [](const auto& given) { return given.param.name; });

} // namespace handoff
