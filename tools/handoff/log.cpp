#include "tools/handoff/log.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/formatter.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <string>

namespace handoff {
namespace {

/// One JSON object a line: what a pattern cannot do, because it does not
/// escape.
class json_formatter : public spdlog::formatter {
public:
  void format(const spdlog::details::log_msg& message,
              spdlog::memory_buf_t& to) override {
    spdlog::memory_buf_t time;
    time_.format(message, time);
    const auto level = spdlog::level::to_string_view(message.level);
    const nlohmann::ordered_json line{
      {"time", std::string_view{time.data(), time.size()}},
      {"level", std::string_view{level.data(), level.size()}},
      {"message",
       std::string_view{message.payload.data(), message.payload.size()}}};
    const auto text = line.dump(
      -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    to.append(text.data(), text.data() + text.size());
    to.push_back('\n');
  }

  std::unique_ptr<formatter> clone() const override {
    return std::make_unique<json_formatter>();
  }

private:
  spdlog::pattern_formatter time_{"%Y-%m-%dT%H:%M:%S.%eZ",
                                  spdlog::pattern_time_type::utc, ""};
};

struct teller {
  spdlog::logger& log;
  const job_event& event;

  void operator()(const job_accepted& change) const {
    log.debug("job {} of flow {} accepted, trace {}", event.job,
              change.record.flow, change.record.hook.trace.trace_id);
  }

  void operator()(const clone_attempt_begun& change) const {
    log.debug("job {}: clone attempt {} begins", event.job, change.made.number);
  }

  void operator()(const clone_attempt_ended& change) const {
    tell(change.made, "clone");
  }

  void operator()(const clone_succeeded&) const {
    log.debug("job {}: cloned", event.job);
  }

  void operator()(const clone_settled& change) const {
    log.warn("job {}: {}: {}", event.job, name(change.status),
             change.failure.detail);
  }

  void operator()(const clone_reopened&) const {
    log.info("job {}: its clone is made again", event.job);
  }

  void operator()(const step_begun&) const {}

  void operator()(const step_ended& change) const {
    tell(change.made, text_of(change.step));
    if (change.failure)
      log.warn("job {}: {} failed: {}", event.job, text_of(change.step),
               change.failure->detail);
  }

  void operator()(const step_settled& change) const {
    log.info("job {}: {} is {}", event.job, text_of(change.step),
             name(change.status));
  }

  void operator()(const steps_added& change) const {
    if (change.kind == step_kind::compensation)
      log.warn("job {}: what it has done is undone, {} steps", event.job,
               change.names.size());
  }

  void operator()(const job_finished& change) const {
    log.info("job {}: {}", event.job, name(change.status));
  }

  void operator()(const sender_replied& change) const {
    log.debug("job {}: the sender got {}{}", event.job, change.status,
              change.written ? "" : " but had gone");
  }

  void operator()(const job_recovered&) const {
    log.info("job {}: goes on after a restart", event.job);
  }

  void operator()(const job_handed_back&) const {
    log.debug("job {}: waits for the next start", event.job);
  }

  void operator()(const key_released&) const {
    log.debug("job {}: lets go of its key", event.job);
  }

private:
  static std::string text_of(const step_ref& step) {
    const char* const kind = step.kind == step_kind::compensation
                             ? "compensation "
                           : step.kind == step_kind::callback ? "callback "
                                                              : "sub-action ";
    return kind + std::to_string(step.index + 1);
  }

  void tell(const attempt& made, const std::string& what) const {
    if (made.failure)
      log.info("job {}: {}, attempt {}: {}", event.job, what, made.number,
               made.failure->detail);
  }
};

} // namespace

std::shared_ptr<spdlog::logger> make_log(const log_settings& settings) {
  auto log = std::make_shared<spdlog::logger>(
    "handoff", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  log->set_level(spdlog::level::from_str(settings.level));
  log->flush_on(spdlog::level::trace);
  if (settings.format == "json")
    log->set_formatter(std::make_unique<json_formatter>());
  else
    log->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
  return log;
}

void log_event(spdlog::logger& log, const job_event& event) {
  std::visit(teller{log, event}, event.change);
}

} // namespace handoff
