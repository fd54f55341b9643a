#include "tools/handoff/timeline.hpp"

#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/terminal.hpp"
#include "tools/handoff/timeline_rows.hpp"

#include <algorithm>
#include <optional>

namespace handoff {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using time_point = std::chrono::system_clock::time_point;

constexpr std::size_t word_width = 9;
/// A status, two spaces and a duration such as "12 min 30 s".
constexpr std::size_t note_width = 13;

const char* colour_of(row_tone tone) {
  switch (tone) {
  case row_tone::good:
    return "\x1b[32m";
  case row_tone::bad:
    return "\x1b[31m";
  case row_tone::busy:
    return "\x1b[33m";
  case row_tone::plain:
    break;
  }
  return "\x1b[2m";
}

/// A line in the making: clipped to the terminal, coloured on the way.
class line_writer {
public:
  explicit line_writer(const timeline_options& options)
      // One that fills the last column makes some terminals go on to the next.
      : left_{options.width - 1}, colour_{options.colour} {}

  line_writer& add(std::string_view text,
                   std::optional<row_tone> tone = std::nullopt) {
    const auto fits = clipped(text, left_);
    left_ -= columns_of(fits);
    const auto end = fits.find_last_not_of(' ') + 1;
    if (end == 0) {
      blank_ += fits;
      return *this;
    }
    line_ += blank_;
    blank_ = fits.substr(end);
    line_ += colour_ && tone
             ? colour_of(*tone) + fits.substr(0, end) + "\x1b[0m"
             : fits.substr(0, end);
    return *this;
  }

  /// The line, without spaces at its end.
  std::string take() { return std::move(line_); }

private:
  std::size_t left_;
  bool colour_;
  std::string line_;
  std::string blank_;
};

struct time_axis {
  milliseconds end{1};
  std::optional<milliseconds> deadline;
  std::size_t columns = 10;

  std::size_t column_of(milliseconds when) const {
    const auto at = static_cast<double>(when.count())
                  / static_cast<double>(end.count())
                  * static_cast<double>(columns);
    return std::min(static_cast<std::size_t>(std::max(at, 0.0)), columns - 1);
  }

  bool shows_deadline() const { return deadline && *deadline <= end; }

  std::string bar(const std::vector<row_segment>& segments) const {
    std::string drawn(columns, ' ');
    if (shows_deadline())
      drawn[column_of(*deadline)] = ':';
    for (const auto& each : segments) {
      const auto from = column_of(each.from);
      // Whatever happened is seen, also where it is shorter than a column.
      const auto to =
        each.to >= end ? columns : std::max(column_of(each.to), from + 1);
      std::fill(drawn.begin() + static_cast<std::ptrdiff_t>(from),
                drawn.begin() + static_cast<std::ptrdiff_t>(to), each.mark);
    }
    return drawn;
  }

  /// What stands below the bars.
  std::string scale() const {
    std::string drawn(columns, ' ');
    const auto write = [&](std::size_t at, const std::string& text) {
      // With a space before and behind, or not at all.
      const auto begin = at == 0 ? 0 : at - 1;
      const auto size = std::min(text.size() + 2, columns - begin);
      if (at + text.size() <= columns
          && drawn.find_first_not_of(' ', begin) >= begin + size)
        drawn.replace(at, text.size(), text);
    };
    write(0, "0 s");
    if (shows_deadline()) {
      const auto at = column_of(*deadline);
      const std::string text = ": deadline";
      if (at + text.size() <= columns)
        write(at, text);
      else if (at + 1 >= text.size())
        write(at + 1 - text.size(), "deadline :");
      // Where there was no room for the word.
      drawn[at] = ':';
    }
    const auto last = duration_text(end);
    write(columns - std::min(columns, last.size()), last);
    return drawn;
  }
};

time_axis axis_of(const std::vector<timeline_row>& rows, const json& document,
                  time_point now) {
  time_axis axis;
  const auto received = time_at(document, "received").value_or(now);
  const auto since = [&](time_point when) {
    return std::chrono::duration_cast<milliseconds>(when - received);
  };
  for (const auto& row : rows)
    for (const auto& each : row.segments)
      axis.end = std::max(axis.end, each.to);
  if (!is_at_rest(document))
    axis.end = std::max(axis.end, since(now));
  if (const auto deadline = time_at(document, "deadline"))
    axis.deadline = since(*deadline);
  return axis;
}

std::string job_line(const json& document, const timeline_options& options) {
  const auto status = text_at(document, "status");
  line_writer line{options};
  line.add(text_at(document, "job") + "  " + text_at(document, "flow") + "  ")
    .add(status, tone_of(status));
  if (const auto uid = text_at(document, "uid"); !uid.empty())
    line.add("  uid " + uid);
  return line.take();
}

std::string time_line(const json& document, const time_axis& axis,
                      time_point now, const timeline_options& options) {
  const auto received = time_at(document, "received");
  if (!received)
    return {};
  auto line = "received " + short_time(text_at(document, "received"));
  const auto since = [&](time_point when) {
    return duration_text(
      std::max(milliseconds{0},
               std::chrono::duration_cast<milliseconds>(when - *received)));
  };
  if (const auto finished = time_at(document, "finished"))
    line += ", finished after " + since(*finished);
  else
    line += ", " + since(now) + " ago";
  if (axis.deadline)
    line += ", deadline " + duration_text(*axis.deadline);
  return line_writer{options}.add(line).take();
}

std::string trace_line(const json& document, const timeline_options& options) {
  const auto trace = text_at(document, "trace_id");
  return trace.empty() ? "" : line_writer{options}.add("trace " + trace).take();
}

/// What became of the time that the sender gave; empty where it waits still.
std::string budget_line(const json& document, const timeline_options& options) {
  const auto& reply = object_at(document, "reply");
  const auto after = duration_at(reply, "after_ms");
  const auto limit = duration_at(reply, "limit_ms");
  if (!after || !limit)
    return {};
  auto line =
    "answered after " + duration_text(*after) + " of " + duration_text(*limit);
  if (const auto clone = duration_at(reply, "clone_ms"))
    line += "; " + duration_text(*clone) + " in the clone";
  return line_writer{options}.add(line).take();
}

void draw_row(std::vector<std::string>& lines, const timeline_row& row,
              const time_axis& axis, std::size_t name_width,
              const timeline_options& options) {
  const auto name =
    clipped(row.name, name_width - std::min(name_width, row.suffix.size()))
    + row.suffix;
  line_writer line{options};
  line.add(padded(name, name_width) + " [")
    .add(axis.bar(row.segments), row.tone)
    .add("] ")
    .add(padded(row.word, word_width), row.tone)
    .add(" " + row.note);
  lines.push_back(line.take());
  constexpr std::size_t indent = 4;
  for (const auto& each : row.errors)
    for (const auto& part : wrapped(each, options.width - indent - 1))
      lines.push_back(line_writer{options}
                        .add(std::string(indent, ' '))
                        .add(part, row_tone::bad)
                        .take());
}

} // namespace

std::vector<std::string> draw_timeline(const json& document, time_point now,
                                       const timeline_options& options) {
  const auto rows = rows_of(document, now);
  auto axis = axis_of(rows, document, now);
  std::size_t name_width = 0;
  for (const auto& each : rows)
    name_width =
      std::max(name_width, columns_of(each.name) + each.suffix.size());
  name_width =
    std::min(name_width, std::max<std::size_t>(12, options.width / 4));
  const auto taken = name_width + word_width + note_width + 6;
  axis.columns = std::max<std::size_t>(
    10, options.width > taken ? options.width - taken : 0);

  std::vector<std::string> lines{job_line(document, options)};
  if (rows.empty())
    return lines;
  lines.push_back(time_line(document, axis, now, options));
  for (auto& line :
       {budget_line(document, options), trace_line(document, options)})
    if (!line.empty())
      lines.push_back(line);
  lines.emplace_back();
  for (const auto& each : rows)
    draw_row(lines, each, axis, name_width, options);
  line_writer scale{options};
  scale.add(std::string(name_width + 2, ' '))
    .add(axis.scale(), row_tone::plain);
  if (axis.deadline && !axis.shows_deadline())
    scale.add("  deadline later", row_tone::plain);
  lines.push_back(scale.take());
  return lines;
}

} // namespace handoff
