#pragma once

#include "journal/journal.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// Orders between owners in one process. None of them outlives it: who posted
/// one asks again. Thread-safe.
class order_book {
public:
  std::int64_t post(journal_owner to, std::string_view job,
                    std::string_view command);

  /// Those for `owner` that were not taken yet.
  std::vector<posted_order> take(journal_owner owner);

  /// Does nothing for an order that is answered, or that `owner` has not taken.
  void answer(journal_owner owner, std::int64_t number,
              std::string_view answer);

  std::optional<std::string> take_answer(std::int64_t number);

  bool withdraw(std::int64_t number);

private:
  struct entry {
    journal_owner to;
    std::string job;
    std::string command;
    bool taken = false;
    std::optional<std::string> answer;
  };

  std::mutex mutex_;
  std::int64_t last_ = 0;
  std::map<std::int64_t, entry> orders_;
};

} // namespace handoff
