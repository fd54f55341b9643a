#include "config/nearest_name.hpp"
#include "config/senders.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/complaint.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/terminal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* help = R"(Usage: handoff senders [NAME] [--json]

Lists the senders that a flow can name in "sender", or prints what one of them
stands for.

  --json                 an array of {"name", "title", "limit", "handshake",
                         "key"}; of one sender, all of it
)";

json row_of(const sender_preset& preset) {
  const auto key = preset.key();
  return {{"name", preset.name},
          {"title", preset.title},
          {"limit", preset.limit ? json(*preset.limit) : json(nullptr)},
          {"handshake", preset.has_handshake()},
          {"key", key ? json(*key) : json(nullptr)}};
}

/// The members of a flow that the name stands for.
json members_of(const sender_preset& preset) {
  auto members = preset.flow;
  if (preset.limit)
    members["deadline"] = {{"limit", *preset.limit}};
  return members;
}

void print_table() {
  std::size_t names = 4;
  std::size_t titles = 5;
  for (const auto& each : sender_presets()) {
    names = std::max(names, each.name.size());
    titles = std::max(titles, each.title.size());
  }
  const auto print = [&](const std::string& name, const std::string& title,
                         const std::string& limit, const std::string& handshake,
                         const std::string& key) {
    std::cout << padded(name, names + 2) << padded(title, titles + 2)
              << padded(limit, 7) << padded(handshake, 11) << key << '\n';
  };
  print("NAME", "TITLE", "LIMIT", "HANDSHAKE", "KEY");
  for (const auto& each : sender_presets())
    print(each.name, each.title, each.limit.value_or("-"),
          each.has_handshake() ? "yes" : "-", each.key().value_or("-"));
}

const char* secret_words(secret_need need) {
  switch (need) {
  case secret_need::later:
    return "its secret comes with the handshake";
  case secret_need::optional:
    return "a secret is optional";
  case secret_need::needed:
    break;
  }
  return "needs a secret";
}

void print_one(const sender_preset& preset) {
  std::cout << "// " << preset.title << "; waits "
            << preset.limit.value_or("for a time that it does not tell") << "; "
            << secret_words(preset.secret) << '\n';
  if (preset.public_url)
    std::cout << "// signs the URL: needs [http] public-url\n";
  for (const auto& [name, meaning] : preset.with)
    std::cout << "// needs \"with\": {\"" << name << "\": …}: " << meaning
              << '\n';
  if (preset.by_secret)
    std::cout << "// with a secret that begins with \""
              << preset.by_secret->first << "\", \"verify\" is "
              << preset.by_secret->second.dump() << '\n';
  std::cout << members_of(preset).dump(2) << '\n';
}

json document_of(const sender_preset& preset) {
  auto made = row_of(preset);
  made["public_url"] = preset.public_url;
  made["secret"] = preset.secret == secret_need::later    ? "later"
                 : preset.secret == secret_need::optional ? "optional"
                                                          : "needed";
  made["with"] = json::object();
  for (const auto& [name, meaning] : preset.with)
    made["with"][name] = meaning;
  made["flow"] = members_of(preset);
  return made;
}

std::string unknown(const std::string& name) {
  std::vector<std::string_view> names;
  for (const auto& each : sender_presets())
    names.push_back(each.name);
  return "no sender is called \"" + name + '"' + did_you_mean(name, names)
       + "; handoff senders lists them";
}

} // namespace

int senders_command(const command_words& words) {
  const auto given = read_arguments("senders", words);
  const auto misused = [&](std::string why) {
    return complain("senders", words,
                    {error_kind::invalid_request, std::move(why)}, exit_usage);
  };
  if (given.error || given.positional.size() > 1)
    return misused(
      given.error.value_or("takes the name of one sender at most"));
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  if (given.positional.empty()) {
    if (!given.has("json")) {
      print_table();
      return exit_done;
    }
    auto all = json::array();
    for (const auto& each : sender_presets())
      all.push_back(row_of(each));
    std::cout << all.dump(2) << '\n';
    return exit_done;
  }
  const auto* preset = find_sender(given.positional[0]);
  if (preset == nullptr)
    return misused(unknown(given.positional[0]));
  if (given.has("json"))
    std::cout << document_of(*preset).dump(2) << '\n';
  else
    print_one(*preset);
  return exit_done;
}

} // namespace handoff
