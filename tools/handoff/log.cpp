#include "tools/handoff/log.hpp"

#include "job/excerpt.hpp"
#include "tools/handoff/terminal.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace handoff {
namespace {

/// The job that the line which this thread is writing is about; null if none.
/// A logger has no other way to its formatter, and calls it where it is called.
thread_local const log_subject* subject_of_line = nullptr;

class subject_scope {
public:
  explicit subject_scope(const log_subject& about) { subject_of_line = &about; }

  ~subject_scope() { subject_of_line = nullptr; }

  subject_scope(const subject_scope&) = delete;
  subject_scope& operator=(const subject_scope&) = delete;
};

/// Calls `to` with the name and the value of each field of the line: text, or a
/// number.
template <class Visit>
void each_field(Visit to) {
  if (subject_of_line == nullptr)
    return;
  const auto& about = *subject_of_line;
  for (const auto& [name, value] :
       {std::pair{"job", about.job}, std::pair{"flow", about.flow},
        std::pair{"trace_id", about.trace_id}, std::pair{"step", about.step}})
    if (!value.empty())
      to(name, value);
  if (about.attempt > 0)
    to("attempt", about.attempt);
  if (about.http_status > 0)
    to("http_status", static_cast<std::uint32_t>(about.http_status));
  if (!about.upstream.empty())
    to("upstream", about.upstream);
}

/// Of one line, what a pattern cannot do, because it does not escape.
class line_formatter : public spdlog::formatter {
public:
  explicit line_formatter(bool is_json) : is_json_{is_json} {}

  void format(const spdlog::details::log_msg& message,
              spdlog::memory_buf_t& to) override {
    spdlog::memory_buf_t time;
    time_.format(message, time);
    const auto level = spdlog::level::to_string_view(message.level);
    const std::string_view when{time.data(), time.size()};
    const std::string_view what{message.payload.data(), message.payload.size()};
    const auto text = is_json_
                      ? json_line(when, {level.data(), level.size()}, what)
                      : text_line(when, {level.data(), level.size()}, what);
    to.append(text.data(), text.data() + text.size());
    to.push_back('\n');
  }

  std::unique_ptr<formatter> clone() const override {
    return std::make_unique<line_formatter>(is_json_);
  }

private:
  static std::string json_line(std::string_view when, std::string_view level,
                               std::string_view what) {
    nlohmann::ordered_json line{{"ts", when}, {"level", level}, {"msg", what}};
    each_field([&](const char* name, auto value) { line[name] = value; });
    return line.dump(-1, ' ', false,
                     nlohmann::ordered_json::error_handler_t::replace);
  }

  static std::string text_line(std::string_view when, std::string_view level,
                               std::string_view what) {
    std::string line{when};
    line.append(1, ' ').append(level).append(1, ' ').append(printable(what));
    each_field([&](const char* name, auto value) {
      line.append(1, ' ').append(name).append(1, '=').append(word(value));
    });
    return line;
  }

  static std::string word(std::uint32_t value) { return std::to_string(value); }

  /// A value that ends where it ends, whatever is in it.
  static std::string word(std::string_view value) {
    auto text = printable(value);
    const bool is_one = std::none_of(text.begin(), text.end(), [](char c) {
      return c == ' ' || c == '"' || c == '=' || c == '\\';
    });
    if (is_one)
      return text;
    std::string quoted = "\"";
    for (const char each : text)
      quoted.append(each == '"' || each == '\\' ? 1 : 0, '\\').append(1, each);
    return quoted + "\"";
  }

  bool is_json_;
  spdlog::pattern_formatter time_{"%Y-%m-%dT%H:%M:%S.%eZ",
                                  spdlog::pattern_time_type::utc, ""};
};

/// Formats lines on the threads that have them, and leaves the writing to the
/// output's own.
class output_sink : public spdlog::sinks::base_sink<std::mutex> {
public:
  explicit output_sink(std::shared_ptr<log_output> to) : to_{std::move(to)} {}

private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    to_->write({line.data(), line.size()});
  }

  // It would wait with the lock held that all who log need.
  void flush_() override {}

  std::shared_ptr<log_output> to_;
};

/// The attempt that an event ends, if it does.
const attempt* attempt_of(const job_change& change) {
  if (const auto* begun = std::get_if<clone_attempt_begun>(&change))
    return &begun->made;
  if (const auto* ended = std::get_if<clone_attempt_ended>(&change))
    return &ended->made;
  if (const auto* done = std::get_if<clone_succeeded>(&change))
    return done->made ? &*done->made : nullptr;
  if (const auto* settled = std::get_if<clone_settled>(&change))
    return settled->made ? &*settled->made : nullptr;
  if (const auto* step = std::get_if<step_ended>(&change))
    return &step->made;
  return nullptr;
}

bool is_of_clone(const job_change& change) {
  return std::holds_alternative<clone_attempt_begun>(change)
      || std::holds_alternative<clone_attempt_ended>(change)
      || std::holds_alternative<clone_succeeded>(change)
      || std::holds_alternative<clone_settled>(change)
      || std::holds_alternative<clone_reopened>(change);
}

struct teller {
  spdlog::logger& log;
  const job_event& event;

  void operator()(const job_accepted& change) const {
    log.debug("accepted, answered in {} ms at the latest",
              std::chrono::duration_cast<std::chrono::milliseconds>(
                change.record->deadline - change.record->hook.received)
                .count());
  }

  void operator()(const clone_attempt_begun& change) const {
    log.debug("clone, attempt {} begins", change.made.number);
  }

  void operator()(const clone_attempt_ended& change) const {
    tell(change.made, "clone");
  }

  void operator()(const clone_succeeded&) const { log.debug("cloned"); }

  void operator()(const clone_settled& change) const {
    log.warn("clone {}: {}{}", name(change.status), change.failure.detail,
             change.made ? answer_of(*change.made) : std::string{});
  }

  void operator()(const clone_reopened&) const {
    log.info("clone to be made again, as an operator asked");
  }

  void operator()(const step_begun&) const {}

  void operator()(const step_ended& change) const {
    tell(change.made, text_of(change.step));
    if (change.failure)
      log.warn("{} failed: {}", text_of(change.step), change.failure->detail);
  }

  void operator()(const step_settled& change) const {
    log.info("{} is {}", text_of(change.step), name(change.status));
  }

  void operator()(const steps_added& change) const {
    if (change.kind == step_kind::compensation)
      log.warn("compensating: {} steps to undo", change.names.size());
  }

  void operator()(const job_finished& change) const {
    log.log(change.status == job_status::failed ? spdlog::level::warn
                                                : spdlog::level::info,
            "job {}", name(change.status));
  }

  void operator()(const sender_replied& change) const {
    log.debug("the sender got {}{}", change.status,
              change.written ? "" : " but had gone");
  }

  void operator()(const job_recovered&) const {
    log.info("resumed after a restart");
  }

  void operator()(const job_handed_back&) const {
    log.debug("handed back to the journal");
  }

  void operator()(const clone_accepted&) const {
    log.debug("clone accepted: asked for until it is done");
  }

  void operator()(const wait_begun& change) const {
    log.debug("{} waits for its upstream", text_of(change.step));
  }

  void operator()(const job_rested&) const {
    log.debug("waits for an upstream");
  }

  void operator()(const clone_prepared&) const {
    log.debug("what comes before the clone was answered");
  }

  void operator()(const prepare_postponed&) const {
    log.debug("what comes before the clone was told to wait");
  }

  void operator()(const polling_resumed&) const {
    log.info("clone to be asked for again, as an operator asked");
  }

  void operator()(const steps_expanded& change) const {
    log.debug("{} is made for {} elements", text_of(change.step), change.count);
  }

  void operator()(const cancel_requested&) const {
    log.info("cancel requested: an attempt is under way, nothing else begins");
  }

  void operator()(const definition_changed& change) const {
    log.info("follows version {} of its flow from now on", change.version);
  }

  void operator()(const key_released&) const {
    log.debug("idempotency key released");
  }

private:
  std::string text_of(const step_ref& step) const {
    const char* const kind = step.kind == step_kind::compensation
                             ? "compensation of "
                           : step.kind == step_kind::callback ? "callback "
                                                              : "sub-action ";
    return kind + event.step;
  }

  /// What the upstream said, on one line.
  static std::string answer_of(const attempt& made) {
    const auto line = made.response ? headline(*made.response) : std::string{};
    return line.empty() ? line : ": " + line;
  }

  void tell(const attempt& made, const std::string& what) const {
    if (made.failure)
      log.info("{}, attempt {}: {}{}", what, made.number, made.failure->detail,
               answer_of(made));
  }
};

} // namespace

std::shared_ptr<log_output> make_log_output(const log_settings& settings,
                                            log_output_options options) {
  options.gap_line = [is_json = settings.format == "json"](auto lines) {
    const auto text = std::to_string(lines)
                    + (lines == 1 ? " log line was" : " log lines were")
                    + " dropped: nobody read the log, or it could not be "
                      "written";
    spdlog::memory_buf_t line;
    line_formatter{is_json}.format(
      {"handoff", spdlog::level::warn, "handoff: " + text}, line);
    return std::string{line.data(), line.size()};
  };
  return std::make_shared<log_output>(std::move(options));
}

std::shared_ptr<spdlog::logger> make_log(const log_settings& settings,
                                         std::shared_ptr<log_output> to) {
  auto log = std::make_shared<spdlog::logger>(
    "handoff", std::make_shared<output_sink>(std::move(to)));
  log->set_level(spdlog::level::from_str(settings.level));
  // Its own would write to standard error, and wait for who reads.
  log->set_error_handler([](const std::string&) {});
  log->set_formatter(
    std::make_unique<line_formatter>(settings.format == "json"));
  return log;
}

void log_about(spdlog::logger& log, spdlog::level::level_enum level,
               const log_subject& about, std::string_view what) {
  const subject_scope scope{about};
  log.log(level, "{}", what);
}

void log_event(spdlog::logger& log, const job_event& event) {
  log_subject about{event.job, event.flow, event.trace_id};
  about.step = event.step;
  if (is_of_clone(event.change))
    about.step = "clone";
  if (const auto* made = attempt_of(event.change)) {
    about.attempt = made->number;
    about.http_status = made->http_status;
    about.upstream = made->upstream;
  }
  const subject_scope scope{about};
  std::visit(teller{log, event}, event.change);
}

} // namespace handoff
