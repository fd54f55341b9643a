#pragma once

#include "tools/fake_api/script.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace fake_api {

/// Checks and reads the parts of a script. `at` is the JSON pointer of `value`;
/// everything here throws `script_error` with it.

/// Refuses what is no object and any key that is not among `known`: a misspelt
/// fault that is silently skipped would make a test pass for nothing.
void check_keys(const nlohmann::json& value, const std::string& at,
                std::initializer_list<std::string_view> known);

std::string text_at(const nlohmann::json& value, const std::string& at,
                    const char* key, std::string fallback);

/// The index of the text under `key` in `choices`; 0 if there is none.
std::size_t one_of(const nlohmann::json& value, const std::string& at,
                   const char* key,
                   std::initializer_list<std::string_view> choices);

/// "250ms", "6.5s", "2m", "1h"; at most 24 h.
std::chrono::milliseconds duration_at(const nlohmann::json& value,
                                      const std::string& at, const char* key,
                                      std::chrono::milliseconds fallback);

/// The JSON of a script; comments may stand in it.
nlohmann::json parse_script(std::string_view text);

step read_step(const nlohmann::json& value, const std::string& at);

} // namespace fake_api
