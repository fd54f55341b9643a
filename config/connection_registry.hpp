#pragma once

#include "config/connection.hpp"
#include "config/connection_reader.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace handoff {

/// The connections that are in force. They are looked up by name at each
/// attempt, so that jobs under way use the new ones. Thread-safe.
class connection_registry {
public:
  connection_registry()
      : connections_{std::make_shared<const connection_set>()} {}

  explicit connection_registry(connection_set connections,
                               connection_defaults defaults = {})
      : defaults_{std::move(defaults)},
        connections_{
          std::make_shared<const connection_set>(std::move(connections))} {}

  std::shared_ptr<const connection_set> current() const {
    return connections_.load();
  }

  /// The one of that name, with its secrets as their files are now; null if
  /// there is none. Where a file has changed and cannot be read, what it gave
  /// before stands.
  connection_ptr find(std::string_view name);

  /// Puts others in force, all at once, and tells who wants to know.
  void replace(connection_set connections);

  /// `changed` is called, from any thread, after each change. Must not call
  /// back. To be set before others use the registry.
  void on_change(std::function<void(const connection_set&)> changed) {
    changed_.push_back(std::move(changed));
  }

private:
  void put(const std::shared_ptr<const connection_set>& connections);

  const connection_defaults defaults_;
  std::vector<std::function<void(const connection_set&)>> changed_;
  std::mutex change_; ///< held while one is made
  std::atomic<std::shared_ptr<const connection_set>> connections_;
};

} // namespace handoff
