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

  explicit span_exporter(span_exporter_options options);

  /// Sends what there is, for as long as `patience`.
  ~span_exporter();

  span_exporter(const span_exporter&) = delete;
  span_exporter& operator=(const span_exporter&) = delete;

  /// Told of by one thread.
  void observe(const job_event& event);

  std::uint64_t dropped() const { return dropped_.load(); }

private:
  void run();
  void send(std::vector<span> batch);

  span_exporter_options options_;
  span_maker maker_;
  outbound_client client_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<span> waiting_;
  bool stopping_ = false;
  bool fails_ = false;
  std::atomic<std::uint64_t> dropped_{0};
  std::thread thread_;
};

/// The URL that spans are posted to: the traces' own path where `collector` has
/// none (OTLP, "OTLP/HTTP Request").
std::string traces_url(const std::string& collector);

} // namespace handoff
