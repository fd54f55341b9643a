#include "journal/memory_journal.hpp"
#include "tests/journal/conformance.hpp"

namespace handoff {
namespace {

class memory_fixture final : public journal_fixture {
public:
  handoff::journal& journal() override { return journal_; }

private:
  memory_journal journal_;
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
