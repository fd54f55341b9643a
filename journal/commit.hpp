#pragma once

#include "job/error.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace handoff {

/// Who writes to a journal. Each opening has a number of its own, which is
/// never used again: the fencing token. It goes with every commit, so that an
/// owner whose place another has taken writes nothing more, whatever it was in
/// the middle of.
struct journal_owner {
  std::int64_t number = 0;

  friend bool operator==(const journal_owner&, const journal_owner&) = default;
};

/// What became of one batch of events. Only `done` means that it holds; all
/// but `done` and `unknown` mean that nothing of it does.
enum class commit_status : std::uint8_t {
  /// It is durable.
  done,
  /// Another job holds the key that a job of the batch claims, so that that job
  /// does not exist.
  key_held,
  /// This owner may not write any more, now or later: it has to end.
  fenced,
  /// It can never be committed, whoever tries again: it is too large, or one of
  /// its jobs is another owner's. Other batches are not affected.
  rejected,
  /// It could not be committed now; the same events may be committed later.
  unavailable,
  /// It may hold or not: see `holds`. Committing the same events again is
  /// right, too, because an event that comes twice changes nothing.
  unknown,
};

struct batch_outcome {
  commit_status status = commit_status::done;
  /// Why, unless it is `done`.
  std::optional<error> failure = {};
  /// `key_held`: the job that holds the key.
  std::string holder = {};
};

} // namespace handoff
