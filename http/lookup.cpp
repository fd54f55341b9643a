#include "http/lookup.hpp"

#include "actors/environment.hpp"
#include "actors/replies.hpp"

namespace handoff {

lookup_actor::behavior_type lookup(lookup_actor::pointer self,
                                   journal_actor journal) {
  return {
    [self, journal](const job_lookup_ptr& wanted) {
      self->request(journal, request_grace, find_atom::value, wanted->job)
        .then(
          [wanted](const job_found& found) {
            wanted->responder->answer(found.failure
                                        ? problem_reply(*found.failure)
                                        : wanted->show(found.record));
          },
          [wanted](const caf::error&) {
            wanted->responder->answer(
              problem_reply({error_kind::journal_unavailable,
                             "the journal did not answer in time"}));
          });
    },
  };
}

} // namespace handoff
