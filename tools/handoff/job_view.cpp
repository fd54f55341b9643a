#include "tools/handoff/job_view.hpp"

#include "job/status.hpp"
#include "tools/handoff/job_fields.hpp"
#include "tools/handoff/terminal.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

namespace handoff {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using time_point = std::chrono::system_clock::time_point;

std::string seconds_text(milliseconds length) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s",
                static_cast<double>(length.count()) / 1000.0);
  return text;
}

/// How an attempt ended: its status, else its error.
std::string outcome_of(const json& attempt) {
  const auto status = text_at(attempt, "http_status");
  const auto failure = text_at(attempt, "error");
  return status.empty() ? failure : status;
}

bool has_failed(const json& attempt) {
  return !text_at(attempt, "error").empty();
}

class news_list {
public:
  explicit news_list(const json& document)
      : received_{time_at(document, "received")} {}

  void add_attempts(const std::string& who, const json& attempts) {
    for (const auto& each : attempts) {
      const auto started = time_at(each, "started");
      const auto took = duration_at(each, "duration_ms");
      if (!started || !took || !received_)
        continue;
      add(
        std::chrono::duration_cast<milliseconds>(*started + *took - *received_),
        who + ", attempt " + text_at(each, "number") + ": " + outcome_of(each)
          + " after " + std::to_string(took->count()) + " ms");
    }
  }

  void add(milliseconds at, std::string text) {
    news_.push_back({at, std::move(text)});
  }

  /// What has no time of its own comes with or after all that has.
  void add_last(std::string text) { late_.push_back(std::move(text)); }

  std::vector<job_news> take() {
    std::stable_sort(
      news_.begin(), news_.end(),
      [](const auto& left, const auto& right) { return left.at < right.at; });
    const auto end = news_.empty() ? milliseconds{0} : news_.back().at;
    for (auto& each : late_)
      news_.push_back({end, std::move(each)});
    return std::move(news_);
  }

private:
  std::optional<time_point> received_;
  std::vector<job_news> news_;
  std::vector<std::string> late_;
};

/// One attempt on the time axis.
struct stretch {
  milliseconds from;
  milliseconds to;
  char mark;
};

/// The attempts of a sub-action and the waits between them.
std::vector<stretch> stretches_of(const json& sub_action, time_point origin,
                                  time_point now) {
  const auto since = [&](time_point when) {
    return std::chrono::duration_cast<milliseconds>(when - origin);
  };
  std::vector<stretch> all;
  for (const auto& each : list_at(sub_action, "attempts")) {
    const auto started = time_at(each, "started");
    if (!started)
      continue;
    const auto took = duration_at(each, "duration_ms");
    const auto from = since(*started);
    if (!all.empty() && all.back().to < from)
      all.push_back({all.back().to, from, '.'});
    const auto to = took ? from + *took : std::max(from, since(now));
    all.push_back({from, to, !took ? '>' : has_failed(each) ? 'x' : '='});
  }
  if (!all.empty() && text_at(sub_action, "status") == "retrying")
    all.push_back({all.back().to, std::max(all.back().to, since(now)), '.'});
  return all;
}

/// The common time axis of a job's bars.
struct time_axis {
  time_point origin;
  milliseconds span;
  std::size_t columns;

  std::string bar(const std::vector<stretch>& all) const {
    std::string drawn(columns, ' ');
    for (const auto& each : all) {
      const auto from = std::min(column(each.from), columns - 1);
      const auto to = std::max(column(each.to), from + 1);
      for (auto at = from; at < std::min(to, columns); ++at)
        drawn[at] = each.mark;
    }
    return drawn;
  }

private:
  std::size_t column(milliseconds at) const {
    const auto clipped = std::clamp(at, milliseconds{0}, span);
    return static_cast<std::size_t>(clipped.count()) * columns
         / static_cast<std::size_t>(span.count());
  }
};

time_axis axis_of(const json& document, time_point now, std::size_t columns) {
  std::optional<time_point> origin;
  for (const auto& step : steps_in(document))
    for (const auto& each : list_at(step.document, "attempts"))
      if (const auto started = time_at(each, "started");
          started && (!origin || *started < *origin))
        origin = started;
  time_axis axis{origin.value_or(now), milliseconds{1}, columns};
  milliseconds needed{1};
  for (const auto& step : steps_in(document))
    for (const auto& each : stretches_of(step.document, axis.origin, now))
      needed = std::max(needed, each.to);
  axis.span = needed;
  if (!has_come_to_rest(document)) {
    // Grows in steps, so that bars grow and do not shrink.
    axis.span = milliseconds{2'000};
    while (axis.span < needed)
      axis.span *= 2;
  }
  return axis;
}

/// What stands behind a bar.
std::string note_on(const json& sub_action, time_point now) {
  const auto& attempts = list_at(sub_action, "attempts");
  const auto status = text_at(sub_action, "status");
  if (status == "retrying") {
    const auto due = time_at(sub_action, "next_attempt");
    const auto wait =
      due ? std::max(milliseconds{0},
                     std::chrono::duration_cast<milliseconds>(*due - now))
          : milliseconds{0};
    return (attempts.empty() ? std::string{} : outcome_of(attempts.back()))
         + ", again in " + seconds_text(wait);
  }
  if (status == "failed" || status == "skipped")
    return text_at(sub_action, "error");
  return attempts.size() > 1 ? "attempt " + std::to_string(attempts.size())
                             : std::string{};
}

const char* colour_of(std::string_view status) {
  if (status == "succeeded")
    return "\x1b[32m";
  if (status == "failed" || status == "ambiguous" || status == "cancelled"
      || status == "skipped")
    return "\x1b[31m";
  return status == "waiting" ? "\x1b[2m" : "\x1b[33m";
}

/// Cuts a line to the terminal and colours it.
std::string finished_line(std::string line, std::string_view status,
                          const job_view_options& options) {
  // A line that fills the last column makes some terminals go on to the next.
  line = clipped(line, options.width - 1);
  while (line.ends_with(' '))
    line.pop_back();
  return options.colour ? colour_of(status) + line + "\x1b[0m" : line;
}

std::string summary_line(const json& document) {
  auto line =
    text_at(document, "job") + "  " + padded(text_at(document, "status"), 9);
  if (const auto uid = text_at(document, "uid"); !uid.empty())
    line += "  uid " + uid;
  const auto& subs = list_at(document, "sub_actions");
  if (!subs.empty()) {
    const auto done =
      std::count_if(subs.begin(), subs.end(), [](const auto& each) {
        return text_at(each, "status") == "succeeded";
      });
    line += "  " + std::to_string(done) + "/" + std::to_string(subs.size());
  }
  const auto& reply = object_at(document, "reply");
  if (const auto status = text_at(reply, "status"); !status.empty())
    line += "  " + status + " after " + text_at(reply, "after_ms") + " ms";
  return line;
}

} // namespace

std::vector<job_news> news_of(const json& document) {
  news_list news{document};
  const auto& clone = object_at(document, "clone");
  news.add_attempts("clone", list_at(clone, "attempts"));
  if (const auto& reply = object_at(document, "reply");
      const auto after = duration_at(reply, "after_ms")) {
    const auto uid = text_at(document, "uid");
    const bool gone = text_at(reply, "written") == "false";
    news.add(*after, "the sender was answered " + text_at(reply, "status")
                       + (uid.empty() ? "" : ", uid " + uid)
                       + (gone ? ", but had gone" : ""));
  }
  for (const auto& [who, each] : steps_in(document)) {
    news.add_attempts(who, list_at(each, "attempts"));
    const auto status = sub_action_status_from(text_at(each, "status"));
    // Of one that succeeded, its last attempt says so.
    if (status && is_final(*status)
        && *status != sub_action_status::succeeded) {
      const auto why = text_at(each, "error");
      news.add_last(who + " " + std::string{name(*status)}
                    + (why.empty() ? "" : ": " + why));
    }
  }
  if (has_come_to_rest(document)) {
    const auto why = text_at(clone, "error");
    news.add_last("the job: " + text_at(document, "status")
                  + (why.empty() ? "" : ", " + why));
  }
  return news.take();
}

std::vector<std::string> draw_job(const json& document, time_point now,
                                  const job_view_options& options) {
  constexpr std::size_t status_width = 9;
  constexpr std::size_t note_width = 20;
  std::vector<std::string> lines{finished_line(
    summary_line(document), text_at(document, "status"), options)};
  if (options.brief)
    return lines;
  std::size_t name_width = 0;
  const auto steps = steps_in(document);
  for (const auto& each : steps)
    name_width = std::max(name_width, each.name.size());
  name_width = std::min<std::size_t>(name_width, 20);
  const auto taken = name_width + status_width + note_width + 8;
  const auto columns =
    options.width > taken + 10 ? options.width - taken : std::size_t{10};
  const auto axis = axis_of(document, now, columns);
  for (const auto& [title, each] : steps) {
    const auto status = text_at(each, "status");
    const auto name = padded(title, name_width);
    lines.push_back(
      finished_line("  " + name.substr(0, name_width) + " ["
                      + axis.bar(stretches_of(each, axis.origin, now)) + "] "
                      + padded(status, status_width) + " " + note_on(each, now),
                    status, options));
  }
  return lines;
}

bool has_come_to_rest(const json& document) {
  const auto status = job_status_from(text_at(document, "status"));
  return status && (is_final(*status) || *status == job_status::ambiguous);
}

} // namespace handoff
