#include "http/outbound/name_book.hpp"

#include <algorithm>
#include <array>
#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>
#include <utility>

namespace handoff {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds answer_holds{30};
constexpr std::chrono::minutes old_answer_serves{10};
constexpr std::chrono::seconds failure_holds{2};

/// How long a thread waits for another name before it ends.
constexpr std::chrono::seconds idle_max{5};

/// Names that are remembered.
constexpr std::size_t names_max = 4'096;

std::vector<std::string> ask_system(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // No addresses of a family that this machine has none of.
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  std::vector<std::string> addresses;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0)
    return addresses;
  for (const auto* each = found; each != nullptr; each = each->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(),
                      nullptr, 0, NI_NUMERICHOST)
          == 0
        && std::find(addresses.begin(), addresses.end(), text.data())
             == addresses.end())
      addresses.emplace_back(text.data());
  }
  ::freeaddrinfo(found);
  return addresses;
}

} // namespace

/// Threads of lookups that do not end outlive the book, and have this.
struct name_book::shared : std::enable_shared_from_this<name_book::shared> {
  struct entry {
    std::vector<std::string> addresses;
    time_point looked_up; ///< when the addresses came
    time_point good_until;
    bool is_known = false; ///< that there are addresses, or none
    bool is_asked = false; ///< a lookup waits or is under way
    bool is_awaited = false;
  };

  void ask(const std::string& name, entry& about) {
    if (std::exchange(about.is_asked, true))
      return;
    queue.push_back(name);
    if (queue.size() <= idle || threads >= threads_max) {
      changed_queue.notify_one();
    } else {
      ++threads;
      std::thread{[self = shared_from_this()] {
        ::pthread_setname_np(::pthread_self(), "resolver");
        self->run();
      }}.detach();
    }
  }

  void run() {
    auto guard = std::unique_lock{mutex};
    for (;;) {
      ++idle;
      const bool any = changed_queue.wait_for(
        guard, idle_max, [this] { return closed || !queue.empty(); });
      --idle;
      if (closed || !any) {
        --threads;
        return;
      }
      const auto name = std::move(queue.front());
      queue.pop_front();
      guard.unlock();
      auto found = resolve(name);
      guard.lock();
      if (!closed)
        take_in(name, std::move(found), clock::now());
    }
  }

  void take_in(const std::string& name, std::vector<std::string> found,
               time_point now) {
    auto& about = names[name];
    about.is_asked = false;
    about.is_known = true;
    if (!found.empty()) {
      // The one that is known to work stays the first.
      if (!about.addresses.empty()) {
        const auto best =
          std::find(found.begin(), found.end(), about.addresses.front());
        if (best != found.end())
          std::rotate(found.begin(), best, best + 1);
      }
      about.addresses = std::move(found);
      about.looked_up = now;
      about.good_until = now + answer_holds;
    } else {
      if (now - about.looked_up >= old_answer_serves)
        about.addresses.clear();
      about.good_until = now + failure_holds;
    }
    if (std::exchange(about.is_awaited, false))
      changed(name);
  }

  void make_room() {
    if (names.size() < names_max)
      return;
    for (auto each = names.begin(); each != names.end();)
      each = each->second.is_asked ? std::next(each) : names.erase(each);
  }

  std::function<void(const std::string&)> changed;
  resolver resolve;
  std::mutex mutex;
  std::condition_variable changed_queue;
  // What follows is guarded by the mutex.
  std::unordered_map<std::string, entry> names;
  std::deque<std::string> queue;
  std::size_t threads = 0;
  std::size_t idle = 0;
  bool closed = false;
};

name_book::name_book(std::function<void(const std::string& name)> changed,
                     resolver resolve)
    : shared_{std::make_shared<shared>()} {
  shared_->changed = std::move(changed);
  shared_->resolve = resolve ? std::move(resolve) : ask_system;
}

name_book::~name_book() {
  const auto guard = std::lock_guard{shared_->mutex};
  shared_->closed = true;
  shared_->changed_queue.notify_all();
}

std::optional<name_addresses> name_book::find(const std::string& name,
                                              time_point now) {
  const auto guard = std::lock_guard{shared_->mutex};
  auto known = shared_->names.find(name);
  if (known == shared_->names.end()) {
    shared_->make_room();
    known = shared_->names.try_emplace(name).first;
  }
  auto& about = known->second;
  if (about.is_known && now < about.good_until)
    return name_addresses{about.addresses};
  shared_->ask(name, about);
  if (about.is_known && !about.addresses.empty()
      && now - about.looked_up < old_answer_serves)
    return name_addresses{about.addresses};
  about.is_awaited = true;
  return std::nullopt;
}

void name_book::connected(const std::string& name, std::string_view address) {
  const auto guard = std::lock_guard{shared_->mutex};
  const auto known = shared_->names.find(name);
  if (known == shared_->names.end())
    return;
  constexpr std::string_view ipv4_as_ipv6 = "::ffff:";
  if (address.starts_with(ipv4_as_ipv6)
      && address.find('.') != std::string_view::npos)
    address.remove_prefix(ipv4_as_ipv6.size());
  auto& all = known->second.addresses;
  const auto found = std::find(all.begin(), all.end(), address);
  if (found != all.end())
    std::rotate(all.begin(), found, found + 1);
}

void name_book::connect_failed(const std::string& name) {
  const auto guard = std::lock_guard{shared_->mutex};
  const auto known = shared_->names.find(name);
  if (known == shared_->names.end())
    return;
  auto& about = known->second;
  if (auto& all = about.addresses; all.size() > 1)
    std::rotate(all.begin(), all.begin() + 1, all.end());
  // Whoever comes next waits for the answer, at most for the time in which a
  // lookup that fails is not repeated.
  if (!about.is_asked && clock::now() >= about.looked_up + failure_holds)
    about.is_known = false;
}

} // namespace handoff
