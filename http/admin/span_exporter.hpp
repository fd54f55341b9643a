#pragma once

#include "http/admin/spans.hpp"
#include "http/outbound/outbound_client.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace handoff {

struct span_exporter_options {
  /// The collector: OTLP by HTTP in JSON. Without a path, /v1/traces.
  std::string url;
  /// Told once each time that the collector stops taking spans, and when it
  /// takes them again.
  std::function<void(const std::string& problem)> complain;
};

/// Sends spans to a collector, in batches, on a thread of its own. Never in the
/// way: who tells of an event waits for nothing, and what the collector does
/// not take in time is dropped and counted.
class span_exporter {
public:
  static constexpr std::size_t waiting_max = 8'192;
  static constexpr std::size_t batch_max = 512;
  static constexpr std::chrono::seconds gather{1};
  static constexpr std::chrono::seconds patience{5};
  /// For how long the end of the service waits for the collector, in all.
  static constexpr std::chrono::seconds patience_at_end{1};

  explicit span_exporter(span_exporter_options options);

  /// Sends what there is, for as long as `patience_at_end`.
  ~span_exporter();

  span_exporter(const span_exporter&) = delete;
  span_exporter& operator=(const span_exporter&) = delete;

  /// Told by one thread.
  void observe(const job_event& event);

  /// A call beside the attempts of a job has ended. Thread-safe.
  void observe(const job& record, const step_inquiry& asked);

  std::uint64_t dropped() const { return dropped_.load(); }

private:
  void run();
  /// What the collector answers, or that it does not before the end.
  exchange post(std::string document);
  void send(std::vector<span> batch);
  void add(std::vector<span> made);

  span_exporter_options options_;
  span_maker maker_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<span> waiting_;
  /// Once the service ends: until when spans are sent.
  std::optional<std::chrono::steady_clock::time_point> ends_;
  /// Ends before what it tells of an answer.
  outbound_client client_;
  bool fails_ = false;
  std::atomic<std::uint64_t> dropped_{0};
  std::thread thread_;
};

/// The URL that spans are posted to: the traces' own path where `collector` has
/// none (OTLP, "OTLP/HTTP Request").
std::string traces_url(const std::string& collector);

} // namespace handoff
