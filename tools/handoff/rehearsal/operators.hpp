#pragma once

#include "job/command.hpp"
#include "tools/handoff/rehearsal/flow_book.hpp"
#include "tools/handoff/rehearsal/life.hpp"

#include <functional>
#include <string>

namespace handoff::rehearsal {

/// Those who give commands: at any moment, to any job, and until a job that
/// needs a person is settled; and who change the flows.
class operators {
public:
  /// `where` gives the process that is there, null between two.
  operators(const surroundings& around, flow_book& flows,
            std::function<life*()> where);

  /// A command for one of the jobs.
  void command();

  /// Somebody sees to a job that is ambiguous, until it is not.
  void needed(const std::string& id);

  /// The files of the flows are changed and reloaded.
  void reload();

private:
  void command(const std::string& id);
  job_command some_command(const job_truth& about);

  const surroundings& around_;
  flow_book& flows_;
  std::function<life*()> where_;
  draws random_;
};

} // namespace handoff::rehearsal
