#include "http/admin/event_feed.hpp"

#include "http/admin/event_text.hpp"
#include "job/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

namespace handoff {
namespace {

// What is taken at once: the socket of somebody who reads takes it whole.
constexpr std::size_t taken_bytes_max = 32'768;

// In milliseconds: when a client that lost its connection comes again.
constexpr const char* first_words = "retry: 2000\n";

std::string block(const std::string& id, std::string_view name,
                  std::string_view data) {
  std::string text;
  text.reserve(id.size() + name.size() + data.size() + 24);
  text.append("event: ").append(name).append("\nid: ").append(id);
  return text.append("\ndata: ").append(data).append("\n\n");
}

} // namespace

namespace {

struct kept_event {
  std::string job;
  std::string name;
  std::string data;
};

/// Events on their way to another node.
std::string words_of(const std::vector<kept_event>& events) {
  auto all = nlohmann::json::array();
  for (const auto& each : events)
    all.push_back({each.job, each.name, each.data});
  return json_text(all);
}

std::vector<kept_event> events_in(std::string_view words) {
  std::vector<kept_event> events;
  const auto all = nlohmann::json::parse(words, nullptr, false);
  for (const auto& each : all)
    if (each.is_array() && each.size() == 3
        && std::all_of(each.begin(), each.end(),
                       [](const auto& part) { return part.is_string(); }))
      events.push_back({each[0], each[1], each[2]});
  return events;
}

std::vector<kept_event> events_of(std::vector<event_text> texts) {
  std::vector<kept_event> events;
  for (auto& each : texts)
    events.push_back({std::move(each.job), each.name, std::move(each.data)});
  return events;
}

} // namespace

class event_feed::ring {
public:
  explicit ring(event_feed_options options) : options_{std::move(options)} {}

  /// Whether somebody listens, or did a while ago and may come again.
  bool is_heard() const {
    return now().time_since_epoch().count() < heard_until_.load();
  }

  void push(std::vector<kept_event> events);
  /// An event of which nothing is kept.
  void skip();

  /// Whether other nodes want to hear of this one's jobs.
  bool is_heard_elsewhere() const {
    return options_.is_heard_elsewhere && options_.is_heard_elsewhere();
  }

  void tell(const std::vector<kept_event>& events) const {
    if (!events.empty())
      options_.tell(words_of(events));
  }

  void close();

  wall_time now() const { return options_.now(); }

  /// All of these for `reader`, with the mutex held or by itself.
  bool enter(reader& who, std::string_view last_event_id);
  void leave(reader& who);
  std::string take(reader& who);
  bool has_ended(const reader& who) const;
  void listen(reader& who, std::function<void()> more);

private:
  std::uint64_t end() const { return first_ + kept_.size(); }

  std::string id_before(std::uint64_t place) const {
    return options_.run + "." + std::to_string(place - 1);
  }

  std::optional<std::uint64_t> place_after(std::string_view id) const;
  void wake_all();

  const event_feed_options options_;
  mutable std::mutex mutex_;
  std::deque<kept_event> kept_;
  std::uint64_t first_ = 1; // the number of the oldest that is kept
  std::set<reader*> readers_;
  bool closed_ = false;
  // Of the clock of `now`; its end while there are readers.
  std::atomic<wall_time::rep> heard_until_ = 0;
};

/// A subscriber. What of it changes is guarded by the ring's mutex.
class event_feed::reader final : public reply_stream {
public:
  reader(std::shared_ptr<ring> from, std::string about)
      : job{std::move(about)}, ring_{std::move(from)} {}

  ~reader() override { ring_->leave(*this); }

  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;

  void on_more(std::function<void()> call) override {
    ring_->listen(*this, std::move(call));
  }

  std::string take() override { return ring_->take(*this); }

  bool has_ended() const override { return ring_->has_ended(*this); }

  std::string keep_alive() override { return ":\n\n"; }

  const std::string job;
  std::uint64_t next = 0; // 0: it is to be told that it has missed something
  bool begun = false;
  bool waiting = false;
  std::function<void()> more;

private:
  const std::shared_ptr<ring> ring_;
};

void event_feed::ring::push(std::vector<kept_event> events) {
  if (events.empty())
    return;
  const std::lock_guard guard{mutex_};
  if (closed_)
    return;
  for (auto& each : events) {
    kept_.push_back(std::move(each));
    if (kept_.size() > options_.kept) {
      kept_.pop_front();
      ++first_;
    }
  }
  wake_all();
}

void event_feed::ring::skip() {
  const std::lock_guard guard{mutex_};
  first_ = end() + 1;
  kept_.clear();
}

void event_feed::ring::close() {
  const std::lock_guard guard{mutex_};
  if (std::exchange(closed_, true))
    return;
  kept_.push_back({"", "draining", "{}"});
  wake_all();
}

void event_feed::ring::wake_all() {
  for (auto* each : readers_)
    if (std::exchange(each->waiting, false) && each->more)
      each->more();
}

std::optional<std::uint64_t>
event_feed::ring::place_after(std::string_view id) const {
  const auto dot = id.rfind('.');
  if (dot == std::string_view::npos || id.substr(0, dot) != options_.run)
    return std::nullopt;
  std::uint64_t number = 0;
  const auto* last = id.data() + id.size();
  const auto [rest, failure] =
    std::from_chars(id.data() + dot + 1, last, number);
  if (failure != std::errc{} || rest != last || number >= end())
    return std::nullopt;
  return number + 1;
}

bool event_feed::ring::enter(reader& who, std::string_view last_event_id) {
  const std::lock_guard guard{mutex_};
  if (closed_ || readers_.size() >= options_.subscribers_max)
    return false;
  readers_.insert(&who);
  heard_until_ = wall_time::max().time_since_epoch().count();
  who.next =
    last_event_id.empty() ? end() : place_after(last_event_id).value_or(0);
  return true;
}

void event_feed::ring::leave(reader& who) {
  const std::lock_guard guard{mutex_};
  if (readers_.erase(&who) > 0 && readers_.empty())
    heard_until_ = (now() + options_.unheard_after).time_since_epoch().count();
}

void event_feed::ring::listen(reader& who, std::function<void()> more) {
  const std::lock_guard guard{mutex_};
  who.more = std::move(more);
}

std::string event_feed::ring::take(reader& who) {
  const std::lock_guard guard{mutex_};
  std::string text;
  if (who.next < first_) {
    who.next = end();
    text = block(id_before(end()), "lagged", "{}");
  }
  while (who.next < end() && text.size() < taken_bytes_max) {
    const auto& each = kept_[who.next - first_];
    ++who.next;
    // What is about no job is for everybody.
    if (who.job.empty() || each.job.empty() || each.job == who.job)
      text += block(id_before(who.next), each.name, each.data);
  }
  if (!std::exchange(who.begun, true))
    // An id without data names the place, and is no event.
    text.insert(
      0, first_words
           + (text.empty() ? "id: " + id_before(who.next) : std::string{":"})
           + "\n\n");
  who.waiting = text.empty();
  return text;
}

bool event_feed::ring::has_ended(const reader& who) const {
  const std::lock_guard guard{mutex_};
  return closed_ && who.next == end();
}

event_feed::event_feed(event_feed_options options)
    : ring_{std::make_shared<ring>(std::move(options))} {}

event_feed::~event_feed() {
  close();
}

void event_feed::observe(const job_event& event) {
  const bool is_heard_elsewhere = ring_->is_heard_elsewhere();
  if (!ring_->is_heard() && !is_heard_elsewhere) {
    ring_->skip();
    return;
  }
  auto events = events_of(texts_of(event));
  if (is_heard_elsewhere)
    ring_->tell(events);
  ring_->push(std::move(events));
}

void event_feed::observe(const supervision_change& change) {
  ring_->push(events_of({text_of(change, ring_->now())}));
}

void event_feed::observe_elsewhere(std::string_view words) {
  ring_->push(events_in(words));
}

bool event_feed::is_heard() const {
  return ring_->is_heard();
}

void event_feed::breaker_changed(std::string_view host,
                                 std::string_view state) {
  ring_->push(events_of({breaker_text(host, state, ring_->now())}));
}

void event_feed::close() {
  ring_->close();
}

std::shared_ptr<reply_stream>
event_feed::subscribe(std::string job, std::string_view last_event_id) {
  auto made = std::make_shared<reader>(ring_, std::move(job));
  if (!ring_->enter(*made, last_event_id))
    return nullptr;
  return made;
}

} // namespace handoff
