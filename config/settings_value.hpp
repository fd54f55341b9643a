#pragma once

#include "config/ini_file.hpp"
#include "config/references.hpp"
#include "config/settings_table.hpp"

#include <string>
#include <string_view>
#include <variant>

namespace handoff {

/// Why a value is refused, in words that follow the name of the key.
struct refused_value {
  std::string what;
};

/// `written` as `key` takes it, references resolved.
std::variant<setting_value, refused_value>
read_setting(const setting_key& key, const ini_value& written,
             reference_resolver& references);

/// The same for the text of an option on the command line.
std::variant<setting_value, refused_value>
read_setting(const setting_key& key, std::string_view written,
             reference_resolver& references);

/// Whether it is `http://HOST:PORT`.
bool is_proxy(std::string_view text);

/// Whether only this machine can reach it.
bool is_loopback(std::string_view address) noexcept;

} // namespace handoff
