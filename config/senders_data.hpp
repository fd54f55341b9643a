#pragma once

#include <string_view>

namespace handoff {

/// The text of `config/senders.json`, as it was when the program was built.
std::string_view senders_data() noexcept;

} // namespace handoff
