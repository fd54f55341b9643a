#pragma once

#include <string_view>

namespace handoff {

/// Whether what a header or a query parameter of this name carries is as good
/// as a password, whatever the case of the name. It must be neither journaled
/// without need nor shown.
bool is_credential(std::string_view name);

/// The same without names that are secret only as a whole ("code", "hash"): in
/// an upstream's answer they name errors and checksums.
bool is_credential_member(std::string_view name);

} // namespace handoff
