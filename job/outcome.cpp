#include "job/outcome.hpp"

namespace handoff {

std::string cut_text(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text;
  auto end = bytes_max;
  // Not in the middle of a character (RFC 3629, section 3).
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
    --end;
  text.resize(end);
  return text;
}

} // namespace handoff
