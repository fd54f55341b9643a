#pragma once

#include "actors/responder.hpp"
#include "journal/journal.hpp"

namespace handoff {

/// The nodes that share the journal, with their leases and jobs; an empty list
/// where one process has it to itself.
reply nodes_reply(journal_reader& reader);

} // namespace handoff
