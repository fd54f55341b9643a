#include "http/job_viewer.hpp"

namespace handoff {

job_viewer_actor::behavior_type
job_viewer(job_viewer_actor::pointer, std::shared_ptr<journal_reader> reader) {
  return {
    [reader](const job_view_ptr& view) {
      if (auto answer = view->show(*reader))
        view->responder->answer(std::move(*answer));
    },
  };
}

} // namespace handoff
