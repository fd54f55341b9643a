#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// Text from elsewhere as a terminal may get it: nothing in it is obeyed. What
/// would be (C0 and C1 controls, DEL, marks that turn the direction of writing)
/// and what is no UTF-8 is spelled out: `\n`, `\x1b`, `\u202e`.
std::string printable(std::string_view text);

/// How many columns printable text takes: one a code point, two for wide ones,
/// none for marks that stand on another.
std::size_t columns_of(std::string_view text);

/// The text with at most that many columns; what was cut ends in "..".
std::string clipped(std::string_view text, std::size_t columns);

/// The text with at least that many columns.
std::string padded(std::string text, std::size_t columns);

/// The words of a text in lines of at most that many columns (>= 1). A word
/// that is longer than a line is cut into several.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns);

/// Whether standard output is a terminal.
bool is_terminal();

/// COLUMNS, else what the terminal says, else 80; 40 to 1000.
std::size_t terminal_width();

/// Whether colours are wanted: on a terminal that knows them, unless NO_COLOR
/// is set.
bool wants_colour();

} // namespace handoff
