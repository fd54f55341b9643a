#include "tools/handoff/arguments.hpp"

#include "config/nearest_name.hpp"

#include <algorithm>

namespace handoff {
namespace {

std::string unknown_option(const std::string& name,
                           const std::vector<option_rule>& rules) {
  std::vector<std::string_view> known;
  for (const auto& each : rules)
    known.push_back(each.name);
  return "unknown option --" + name + did_you_mean(name, known);
}

} // namespace

std::optional<std::string> arguments::value(std::string_view name) const {
  const auto found =
    std::find_if(options.rbegin(), options.rend(),
                 [&](const auto& each) { return each.first == name; });
  return found != options.rend() ? std::optional{found->second} : std::nullopt;
}

std::vector<std::string> arguments::values(std::string_view name) const {
  std::vector<std::string> found;
  for (const auto& [each, text] : options)
    if (each == name)
      found.push_back(text);
  return found;
}

bool arguments::has(std::string_view name) const {
  return value(name).has_value();
}

arguments read_arguments(const std::vector<std::string>& words,
                         const std::vector<option_rule>& rules,
                         bool takes_overrides) {
  arguments read;
  bool options_over = false;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto& word = words[at];
    if (options_over || word.size() < 2 || word[0] != '-') {
      read.positional.push_back(word);
      continue;
    }
    if (word == "--") {
      options_over = true;
      continue;
    }
    if (word[1] != '-') {
      read.error = "unknown option " + word + "; options begin with --";
      return read;
    }
    const auto equals = word.find('=');
    const auto name = word.substr(2, equals - 2);
    const auto rule =
      std::find_if(rules.begin(), rules.end(),
                   [&](const auto& each) { return each.name == name; });
    if (rule == rules.end()) {
      if (takes_overrides && name.find('.') != std::string::npos) {
        read.overrides.push_back(word);
        continue;
      }
      read.error = unknown_option(name, rules);
      return read;
    }
    if (!rule->takes_value()) {
      if (equals != std::string::npos) {
        read.error = "--" + name + " takes no value";
        return read;
      }
      read.options.emplace_back(name, "");
    } else if (equals != std::string::npos) {
      read.options.emplace_back(name, word.substr(equals + 1));
    } else if (at + 1 < words.size()) {
      read.options.emplace_back(name, words[++at]);
    } else {
      read.error = "--" + name + " needs a value";
      return read;
    }
  }
  return read;
}

} // namespace handoff
