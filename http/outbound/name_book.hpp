#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace handoff {

/// What a name stands for.
struct name_addresses {
  /// As text, IPv6 ones without brackets, in the order in which they are to be
  /// tried. Empty: the name cannot be resolved.
  std::vector<std::string> addresses;
};

/// Looks up names for all calls: one lookup of a name at a time, on a few
/// threads that come and go (getaddrinfo blocks), so that a resolver that does
/// not answer holds up only those who ask for its names.
///
/// An answer holds for 30 s. Then it is looked up again, and the old one goes
/// on to serve meanwhile, for ten minutes if that fails. That there is none is
/// remembered for 2 s. Thread-safe.
class name_book {
public:
  using time_point = std::chrono::steady_clock::time_point;
  /// Blocks; gives nothing where there is no answer.
  using resolver = std::function<std::vector<std::string>(const std::string&)>;

  /// Lookups at once, each of another name and on a thread. Names that come
  /// when all are taken wait for one: far more than there are hosts in flows
  /// whose resolvers can be stuck at once.
  static constexpr std::size_t threads_max = 256;

  /// `changed` is called from any thread when a name that was asked for and
  /// not known has been looked up; must not block.
  explicit name_book(std::function<void(const std::string& name)> changed,
                     resolver resolve = nullptr);

  /// Waits for no lookup that is under way: those threads end by themselves.
  ~name_book();

  name_book(const name_book&) = delete;
  name_book& operator=(const name_book&) = delete;

  /// What `name` stands for, if that is known; else it is looked up, and
  /// `changed` told.
  std::optional<name_addresses> find(const std::string& name, time_point now);

  /// A connection to one of its addresses came about: it is the first to be
  /// tried from now on. An IPv4 address may be written as an IPv6 one
  /// (`::ffff:192.0.2.1`).
  void connected(const std::string& name, std::string_view address);

  /// None came about: it is looked up again before the next.
  void connect_failed(const std::string& name);

private:
  struct shared;
  std::shared_ptr<shared> shared_;
};

} // namespace handoff
