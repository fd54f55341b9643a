#include "tools/handoff/log_output.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <utility>

namespace handoff {
namespace {

/// Some lines, one after the other.
struct batch {
  std::string text;
  std::size_t lines = 0;
  /// Of `lines`, those that tell of a gap; and how many are missing there.
  std::size_t marks = 0;
  std::uint64_t missing = 0;
};

/// What could not be written of `text`; waits for as long as it takes.
std::string_view write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      // Somebody else who has this file made it non-blocking.
      pollfd ready{descriptor, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      break;
    }
  }
  return text;
}

} // namespace

struct log_output::shared_state {
  explicit shared_state(log_output_options chosen)
      : options{std::move(chosen)} {}

  bool has_room(std::size_t bytes) const {
    return waiting.lines + writing.lines < options.lines_max
        && waiting.text.size() + writing.text.size() + bytes
             <= options.bytes_max;
  }

  bool is_all_written() const {
    return waiting.lines == 0 && writing.lines == 0 && (gap == 0 || fails);
  }

  /// Whether the writer has something to do. Where writing fails, it is tried
  /// again when there is a line, not for the gap alone.
  bool has_work() const { return waiting.lines > 0 || (gap > 0 && !fails); }

  void mark_gap() {
    if (gap == 0 || !options.gap_line)
      return;
    waiting.text += options.gap_line(gap);
    waiting.lines += 1;
    waiting.marks += 1;
    waiting.missing += std::exchange(gap, 0);
  }

  void drop(std::uint64_t lines) {
    dropped += lines;
    gap += options.gap_line ? lines : 0;
  }

  void run() {
    std::unique_lock lock{mutex};
    for (;;) {
      is_idle = true;
      called.wait(lock, [this] { return has_work() || is_ending; });
      is_idle = false;
      if (!has_work())
        break;
      called.wait_for(lock, options.linger,
                      [this] { return is_ending || flushes > 0; });
      if (waiting.lines == 0)
        mark_gap();
      writing = std::exchange(waiting, {});
      lock.unlock();
      const auto rest = write_all(options.descriptor, writing.text);
      lock.lock();
      fails = !rest.empty();
      if (fails) {
        const auto lines =
          static_cast<std::size_t>(std::count(rest.begin(), rest.end(), '\n'));
        drop(lines - std::min(lines, writing.marks));
        gap += writing.missing;
      }
      writing = {};
      written.notify_all();
    }
    has_ended = true;
    written.notify_all();
  }

  const log_output_options options;
  std::atomic<std::uint64_t> dropped{0};
  std::mutex mutex;
  std::condition_variable called;  ///< the writer
  std::condition_variable written; ///< those who flush
  batch waiting;
  batch writing;
  /// Lines that were dropped and that no line has told of.
  std::uint64_t gap = 0;
  std::size_t flushes = 0;
  bool fails = false;
  bool is_idle = false;
  bool is_ending = false;
  bool has_ended = false;
  /// The last flush was in vain: the end need not try again.
  bool is_stuck = false;
};

log_output::log_output(log_output_options options)
    : state_{std::make_shared<shared_state>(std::move(options))},
      writer_{[state = state_] {
        ::pthread_setname_np(::pthread_self(), "log");
        state->run();
      }} {}

log_output::~log_output() {
  std::unique_lock lock{state_->mutex};
  state_->is_ending = true;
  state_->called.notify_all();
  const auto patience =
    state_->is_stuck ? std::chrono::milliseconds{0} : state_->options.patience;
  const bool has_ended = state_->written.wait_for(
    lock, patience, [this] { return state_->has_ended; });
  lock.unlock();
  if (has_ended)
    writer_.join();
  else
    writer_.detach();
}

void log_output::write(std::string_view line) {
  auto& state = *state_;
  {
    const std::scoped_lock lock{state.mutex};
    if (!state.has_room(line.size())) {
      state.drop(1);
      return;
    }
    state.mark_gap();
    state.waiting.text += line;
    state.waiting.lines += 1;
    if (!std::exchange(state.is_idle, false))
      return;
  }
  state.called.notify_one();
}

std::uint64_t log_output::dropped() const noexcept {
  return state_->dropped.load();
}

bool log_output::flush() {
  auto& state = *state_;
  std::unique_lock lock{state.mutex};
  ++state.flushes;
  state.called.notify_all();
  const bool is_done = state.written.wait_for(
    lock, state.options.patience, [&state] { return state.is_all_written(); });
  --state.flushes;
  state.is_stuck = !is_done;
  return is_done;
}

} // namespace handoff
