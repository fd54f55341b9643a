#pragma once

#include "config/problem.hpp"
#include "config/references.hpp"
#include "config/template.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

struct connection;
using connection_set =
  std::map<std::string, std::shared_ptr<const connection>, std::less<>>;

/// What is found while one flow is read.
struct flow_report {
  std::string file;
  reference_resolver references;
  problems errors = {};
  problems warnings = {};
  /// Those that a request may name; null: any.
  const connection_set* connections = nullptr;

  void error(const nlohmann::json::json_pointer& at, std::string what) {
    errors.push_back({file, at.to_string(), std::move(what)});
  }

  void warning(const nlohmann::json::json_pointer& at, std::string what) {
    warnings.push_back({file, at.to_string(), std::move(what)});
  }
};

/// The string at `at` with its references resolved.
std::optional<std::string> read_text(flow_report& report,
                                     const nlohmann::json& value,
                                     const nlohmann::json::json_pointer& at);

/// The string at `at` as a template, its references resolved.
std::optional<text_template>
read_template(flow_report& report, const nlohmann::json& value,
              const nlohmann::json::json_pointer& at);

/// Reads one object of a flow, member by member. Whatever is wrong goes to the
/// report, and reading goes on: a member that is absent or wrong gives nothing.
class object_reader {
public:
  using json = nlohmann::json;
  using pointer = json::json_pointer;

  /// Reports at once what is no object, keys that this kind of object does not
  /// have, and keys that it must have.
  object_reader(flow_report& report, const json& value, pointer at,
                std::string_view kind);

  /// The member, as it stands; null if there is none.
  const json* find(std::string_view key) const;

  bool has(std::string_view key) const { return find(key) != nullptr; }

  pointer at(std::string_view key) const { return at_ / std::string{key}; }

  const pointer& at() const noexcept { return at_; }

  flow_report& report() noexcept { return *report_; }

  void error(std::string_view key, std::string what) {
    report_->error(at(key), std::move(what));
  }

  std::optional<std::string> text(std::string_view key);
  std::optional<bool> boolean(std::string_view key);
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least,
                                      std::int64_t most);
  std::optional<double> number(std::string_view key, double least, double most);
  std::optional<std::chrono::milliseconds>
  duration(std::string_view key, std::chrono::milliseconds least,
           std::chrono::milliseconds most);
  /// The index of the member's value in `names`.
  std::optional<std::size_t> choice(std::string_view key,
                                    const std::vector<std::string_view>& names);
  std::optional<pointer> json_pointer(std::string_view key);

private:
  flow_report* report_;
  /// Null if there is no object to read.
  const json* object_;
  pointer at_;
};

/// A short form of `value` for a message.
std::string shown(const nlohmann::json& value);

/// The same with what it is: `the number 5`.
std::string described(const nlohmann::json& value);

} // namespace handoff
