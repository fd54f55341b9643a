#pragma once

#include "tools/fake_api/ledger.hpp"
#include "tools/fake_api/message.hpp"
#include "tools/fake_api/script.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace fake_api {

/// One answer, ready for the wire.
struct answer {
  int status = 200;
  /// Status line, headers and empty line.
  std::string head;
  std::string body;
  /// Bytes of a huge body that come after `body`, and are never in memory.
  std::uint64_t filler_bytes = 0;
  /// Whether the connection ends with it.
  bool last = false;
};

/// What `scripted` says to `incoming`, with its expressions filled in. What the
/// step leaves out is as without a script: 201 and `{"id":"p-<seq>"}` for a
/// POST to `…/clone`, else 200 and `{"ok":true}`, and `{"error":REASON}` for a
/// status of 400 or more.
answer compose(const request& incoming, const step& scripted, std::uint64_t seq,
               const ledger& seen);

/// An answer of fake_api itself.
answer compose_plain(const request& incoming, int status,
                     std::string_view content_type, std::string body);

} // namespace fake_api
