#include "http/admin/span_exporter.hpp"

#include "job/json_text.hpp"

#include <algorithm>
#include <iterator>
#include <memory>
#include <pthread.h>
#include <utility>

namespace handoff {
namespace {

outbound_options client_options() {
  outbound_options options;
  options.user_agent = "handoff/" HANDOFF_VERSION;
  return options;
}

} // namespace

std::string traces_url(const std::string& collector) {
  const auto scheme = collector.find("://");
  const auto path =
    scheme == std::string::npos ? scheme : collector.find('/', scheme + 3);
  if (path == std::string::npos)
    return collector + "/v1/traces";
  return path + 1 == collector.size() ? collector + "v1/traces" : collector;
}

span_exporter::span_exporter(span_exporter_options options)
    : options_{std::move(options)}, client_{client_options()} {
  options_.url = traces_url(options_.url);
  thread_ = std::thread{[this] {
    run();
  }};
  ::pthread_setname_np(thread_.native_handle(), "spans");
}

span_exporter::~span_exporter() {
  {
    const std::scoped_lock lock{mutex_};
    ends_ = std::chrono::steady_clock::now() + patience_at_end;
  }
  changed_.notify_one();
  thread_.join();
}

void span_exporter::observe(const job_event& event) {
  if (auto made = maker_.spans_of(event); !made.empty())
    add(std::move(made));
}

void span_exporter::observe(const job& record, const step_inquiry& asked) {
  if (auto made = span_of(record, asked))
    add({std::move(*made)});
}

void span_exporter::add(std::vector<span> made) {
  const std::scoped_lock lock{mutex_};
  if (waiting_.size() + made.size() > waiting_max) {
    dropped_ += made.size();
    return;
  }
  std::move(made.begin(), made.end(), std::back_inserter(waiting_));
  if (waiting_.size() == made.size() || waiting_.size() >= batch_max)
    changed_.notify_one();
}

void span_exporter::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
    if (!ends_)
      changed_.wait_for(
        lock, gather, [this] { return ends_ || waiting_.size() >= batch_max; });
    if (waiting_.empty())
      return;
    const auto count = std::min(waiting_.size(), batch_max);
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<span> batch{std::make_move_iterator(waiting_.begin()),
                            std::make_move_iterator(end)};
    waiting_.erase(waiting_.begin(), end);
    const bool is_last = ends_.has_value();
    lock.unlock();
    send(std::move(batch));
    lock.lock();
    // An end waits for one more batch at the most where the collector is away.
    if (is_last && fails_) {
      dropped_ += waiting_.size();
      return;
    }
  }
}

exchange span_exporter::post(std::string document) {
  outbound_call call;
  call.method = "POST";
  call.url = options_.url;
  call.headers = {{"Content-Type", "application/json"}};
  call.body = std::move(document);
  call.timeout = patience;
  const auto answer = std::make_shared<std::optional<exchange>>();
  client_.start(std::make_shared<const outbound_call>(std::move(call)),
                [this, answer](exchange done) {
                  {
                    const std::scoped_lock lock{mutex_};
                    *answer = std::move(done);
                  }
                  changed_.notify_one();
                });
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return answer->has_value() || ends_; });
  if (!*answer)
    changed_.wait_until(lock, *ends_, [&] { return answer->has_value(); });
  if (*answer)
    return std::move(**answer);
  exchange late;
  late.failure = error{error_kind::attempt_timed_out,
                       "it did not answer before the end of the service"};
  return late;
}

void span_exporter::send(std::vector<span> batch) {
  const auto done = post(json_text(otlp_document(batch)));
  const bool is_taken = done.status >= 200 && done.status < 300;
  if (!is_taken)
    dropped_ += batch.size();
  if (is_taken == fails_ && options_.complain)
    options_.complain(is_taken ? std::string{}
                      : done.failure
                        ? done.failure->detail
                        : "it answered " + std::to_string(done.status));
  fails_ = !is_taken;
}

} // namespace handoff
