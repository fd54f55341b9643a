#pragma once

#include "config/settings.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace handoff {

/// A value of a key, checked: whole numbers and sizes, numbers, switches,
/// durations, texts.
using setting_value = std::variant<std::int64_t, double, bool,
                                   std::chrono::nanoseconds, std::string>;

enum class setting_type {
  text,
  /// An IP address or "localhost".
  address,
  /// Text that no message shows.
  secret,
  /// Names of hosts, separated by commas.
  host_names,
  /// "sqlite:PATH" or "postgresql://…"; no message shows it, for it may hold a
  /// password.
  journal_uri,
  integer,
  size,
  number,
  boolean,
  duration,
  choice,
  /// PEM text of certificates.
  certificates,
  /// "http://HOST:PORT".
  proxy,
};

/// One key that the INI and the command line know. What it means stands in
/// config/handoff.ini and docs/configuration.md.
struct setting_key {
  std::string_view section;
  std::string_view key;
  setting_type type = setting_type::text;
  /// The range: bytes of a size, nanoseconds of a duration.
  double least = 0;
  double most = 0;
  /// Of a choice.
  std::vector<std::string_view> choices = {};
  /// As an INI would say it; empty if there is none.
  std::string default_text = {};
  /// Puts a value where it belongs. None for CAF's own options.
  std::function<void(settings&, const setting_value&)> set = {};
  /// The value that is in force, as the INI would say it.
  std::function<std::string(const settings&)> get = {};

  std::string name() const {
    return std::string{section} + "." + std::string{key};
  }
};

/// The names of a value of type `host_names`.
std::vector<std::string> split_names(std::string_view text);

/// Every key: the one place that knows them. Sorted as the documentation is.
std::span<const setting_key> setting_keys();

/// The names of all sections, each once.
std::vector<std::string_view> setting_sections();

/// The names of the keys in `section`.
std::vector<std::string_view> setting_names(std::string_view section);

/// Null if there is none.
const setting_key* find_setting(std::string_view section, std::string_view key);

/// What a key takes, for messages: "a whole number from 0 to 65535".
std::string allowed_by(const setting_key& key);

} // namespace handoff
