#pragma once

#include "actors/supervision_log.hpp"
#include "http/front_door/reply_stream.hpp"
#include "job/event.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace handoff {

struct event_feed_options {
  std::function<wall_time()> now;
  /// Tells events of this run from those of another.
  std::string run;
  /// The newest events, which a subscriber may still get.
  std::size_t kept = 4'096;
  std::size_t subscribers_max = 64;
  /// Without a subscriber for so long, nothing is kept: to put events into
  /// words would cost a tenth of a job.
  std::chrono::seconds unheard_after{60};
  /// Whether subscribers of other nodes want to hear of this one's jobs, and
  /// what tells them; null where there are no others. Must not block.
  std::function<bool()> is_heard_elsewhere = {};
  std::function<void(std::string words)> tell = {};
};

/// What happens, as it happens, for any number of subscribers up to a limit
/// (server-sent events: WHATWG HTML, section 9.2). There is one ring of the
/// newest events for all of them; a subscriber is a place in it. Who falls out
/// of it at its end is told so by an event `lagged`, and goes on with what is
/// new. So nobody makes the service keep more or wait longer by reading slowly.
///
/// docs/admin-api.md names the events. Thread-safe.
class event_feed {
public:
  explicit event_feed(event_feed_options options);
  ~event_feed();

  event_feed(const event_feed&) = delete;
  event_feed& operator=(const event_feed&) = delete;

  /// An event that is durable now.
  void observe(const job_event& event);

  void observe(const supervision_change& change);

  /// What another node's feed told of its jobs.
  void observe_elsewhere(std::string_view words);

  /// Whether somebody follows the events, or did a while ago.
  bool is_heard() const;

  /// The breaker of an upstream host is now `state`.
  void breaker_changed(std::string_view host, std::string_view state);

  /// A last event `draining`; then all streams end, and none begins any more.
  void close();

  /// The body for one more subscriber: what follows `last_event_id` or, if that
  /// is empty, what comes from now on; only what is about `job` unless that is
  /// empty. Null if there are too many, or after `close`. It may outlive the
  /// feed.
  std::shared_ptr<reply_stream> subscribe(std::string job,
                                          std::string_view last_event_id);

private:
  class ring;
  class reader;
  const std::shared_ptr<ring> ring_;
};

} // namespace handoff
