#include "tools/handoff/timeline_rows.hpp"

#include "job/status.hpp"
#include "tools/handoff/job_fields.hpp"

#include <algorithm>
#include <optional>

namespace handoff {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using time_point = std::chrono::system_clock::time_point;

/// The clone or a sub-action: what has attempts.
struct step {
  std::string name;
  std::string status;
  const json& document;
  /// Whether an attempt without an end is under way.
  bool is_open = false;
};

class row_builder {
public:
  row_builder(time_point origin, time_point now) : origin_{origin}, now_{now} {}

  void add(const step& wanted) {
    add_inquiries(wanted, true);
    const auto first = rows_.size();
    add_attempts(wanted);
    if (rows_.size() == first || !says(rows_.back(), wanted))
      add_status(wanted, rows_.size() > first);
    // Such as a quarantine: more than the last attempt knows.
    const auto why = text_at(wanted.document, "error");
    auto& errors = rows_.back().errors;
    if (!why.empty()
        && std::find(errors.begin(), errors.end(), why) == errors.end())
      errors.push_back(why);
    add_inquiries(wanted, false);
  }

  void add_reply(const json& document) {
    timeline_row row;
    row.name = "reply";
    const auto& reply = object_at(document, "reply");
    if (const auto after = duration_at(reply, "after_ms")) {
      const bool is_written = text_at(reply, "written") != "false";
      row.segments.push_back({*after, *after, '^'});
      row.word = is_written ? "answered" : "unread";
      row.tone = is_written ? row_tone::good : row_tone::bad;
      row.note = text_at(reply, "status") + "  " + duration_text(*after);
      if (!is_written)
        row.errors.emplace_back("the sender had gone");
    } else {
      row.word = is_at_rest(document) ? "none" : "waiting";
    }
    rows_.push_back(std::move(row));
  }

  std::vector<timeline_row> take() { return std::move(rows_); }

private:
  milliseconds since(time_point when) const {
    return std::max(milliseconds{0},
                    std::chrono::duration_cast<milliseconds>(when - origin_));
  }

  void add_attempts(const step& wanted) {
    const auto& attempts = list_at(wanted.document, "attempts");
    std::optional<milliseconds> free; // since when nothing was under way
    for (std::size_t at = 0; at < attempts.size(); ++at) {
      const auto& each = attempts[at];
      const auto started = time_at(each, "started");
      if (!started)
        continue;
      timeline_row row;
      row.name = wanted.name;
      if (attempts.size() > 1)
        row.suffix = " #" + text_at(each, "number");
      const auto from = since(*started);
      if (free && *free < from)
        row.segments.push_back({*free, from, '.'});
      const bool is_last = at + 1 == attempts.size();
      free = add_attempt(row, each, from, is_last && wanted.is_open);
      if (is_last && wanted.status == "ambiguous") {
        row.word = wanted.status;
        row.tone = row_tone::bad;
      }
      rows_.push_back(std::move(row));
    }
    end_of_last_ = free;
  }

  /// A row for each kind of call beside the attempts, those before them or the
  /// others: from its first to the end of its last.
  void add_inquiries(const step& wanted, bool before) {
    for (const auto& each : list_at(wanted.document, "inquiries")) {
      const auto called = text_at(each, "name");
      const auto first = time_at(each, "first");
      const auto last = time_at(each, "started");
      const auto took = duration_at(each, "duration_ms");
      if (!first || !last || !took || called.starts_with("prepare:") != before)
        continue;
      timeline_row row;
      row.name = wanted.name + ": " + called;
      row.segments.push_back({since(*first), since(*last) + *took, '.'});
      row.word = text_at(each, "finding");
      const auto why = text_at(each, "error");
      row.tone = why.empty() ? row_tone::plain : row_tone::bad;
      const auto status = text_at(each, "http_status");
      row.note =
        (status.empty() ? "   " : status) + "  asked " + text_at(each, "count");
      if (!why.empty())
        row.errors.push_back(why);
      rows_.push_back(std::move(row));
    }
  }

  /// Fills the row of one attempt and gives when that ended.
  milliseconds add_attempt(timeline_row& row, const json& made,
                           milliseconds from, bool is_open) const {
    const auto took = duration_at(made, "duration_ms");
    const auto why = text_at(made, "error");
    if (!took) {
      const auto to = is_open ? std::max(from, since(now_)) : from;
      row.segments.push_back({from, to, is_open ? '>' : '?'});
      row.word = is_open ? "running" : "unknown";
      row.tone = is_open ? row_tone::busy : row_tone::bad;
      row.note = is_open ? "     " + duration_text(to - from) : "";
      return to;
    }
    const auto begun =
      from + duration_at(made, "waiting_ms").value_or(milliseconds{0});
    if (begun > from)
      row.segments.push_back({from, begun, '.'});
    row.segments.push_back({begun, begun + *took, why.empty() ? '=' : 'x'});
    row.word = why.empty()                         ? "succeeded"
             : text_at(made, "counted") == "false" ? "cut short"
                                                   : "failed";
    row.tone = why.empty() ? row_tone::good : row_tone::bad;
    const auto status = text_at(made, "http_status");
    row.note = (status.empty() ? "   " : status) + "  " + duration_text(*took);
    if (!why.empty())
      row.errors.push_back(why);
    return begun + *took;
  }

  /// Whether the row of the last attempt tells all of the step's status.
  static bool says(const timeline_row& last, const step& wanted) {
    return last.word == wanted.status
        || (wanted.status == "failed" && last.tone == row_tone::bad);
  }

  void add_status(const step& wanted, bool has_attempts) {
    timeline_row row;
    row.name = wanted.name;
    row.word = wanted.status;
    row.tone = tone_of(wanted.status);
    if (wanted.status == "retrying") {
      const auto due = time_at(wanted.document, "next_attempt");
      if (has_attempts && end_of_last_)
        row.segments.push_back(
          {*end_of_last_, std::max(*end_of_last_, since(now_)), '.'});
      if (due)
        row.note =
          "in "
          + duration_text(since(*due) - std::min(since(now_), since(*due)));
    }
    rows_.push_back(std::move(row));
  }

  time_point origin_;
  time_point now_;
  std::optional<milliseconds> end_of_last_;
  std::vector<timeline_row> rows_;
};

/// The document has no status for the clone: the job's tells it.
std::string clone_status(const json& document) {
  const auto status = text_at(document, "status");
  const auto& clone = object_at(document, "clone");
  const auto& attempts = list_at(clone, "attempts");
  if (!text_at(document, "uid").empty()) {
    const bool is_cloned = !attempts.empty()
                        && text_at(attempts.back(), "error").empty()
                        && duration_at(attempts.back(), "duration_ms");
    return is_cloned ? "succeeded" : "resolved";
  }
  if (status != "cloning")
    return status;
  if (!attempts.empty() && !duration_at(attempts.back(), "duration_ms"))
    return "running";
  return text_at(clone, "next_attempt").empty() ? "waiting" : "retrying";
}

} // namespace

row_tone tone_of(const std::string& status) {
  if (status == "succeeded" || status == "resolved")
    return row_tone::good;
  if (status == "failed" || status == "ambiguous" || status == "cancelled"
      || status == "skipped")
    return row_tone::bad;
  if (status == "running" || status == "cloning" || status == "retrying")
    return row_tone::busy;
  return row_tone::plain;
}

bool is_at_rest(const json& document) {
  const auto status = job_status_from(text_at(document, "status"));
  return status && (is_final(*status) || *status == job_status::ambiguous);
}

std::vector<timeline_row> rows_of(const json& document, time_point now) {
  const auto received = time_at(document, "received");
  if (!received)
    return {};
  row_builder rows{*received, now};
  const bool is_cloning = text_at(document, "status") == "cloning";
  rows.add({"clone", clone_status(document), object_at(document, "clone"),
            is_cloning});
  rows.add_reply(document);
  for (const auto& each : steps_in(document)) {
    const auto status = text_at(each.document, "status");
    rows.add({each.name, status, each.document, status == "running"});
  }
  return rows.take();
}

} // namespace handoff
