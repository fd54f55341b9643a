#include "config/senders.hpp"

#include "config/duration.hpp"
#include "config/flow_keys.hpp"
#include "config/nearest_name.hpp"
#include "config/senders_data.hpp"

#include <algorithm>
#include <array>

namespace handoff {

namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using std::chrono::milliseconds;

secret_need need_of(const json& preset) {
  const auto word = preset.value("secret", "needed");
  return word == "later"    ? secret_need::later
       : word == "optional" ? secret_need::optional
                            : secret_need::needed;
}

sender_preset read_preset(const std::string& name, const json& preset) {
  sender_preset made;
  made.name = name;
  made.title = preset.at("title");
  if (const auto limit = preset.find("limit"); limit != preset.end())
    made.limit = *limit;
  made.secret = need_of(preset);
  made.public_url = preset.value("public_url", false);
  const auto with = preset.value("with", json::object());
  for (const auto& [key, meaning] : with.items())
    made.with.emplace_back(key, meaning);
  made.flow = preset.at("flow");
  if (const auto other = preset.find("by_secret"); other != preset.end())
    made.by_secret.emplace(other->at("begins_with"), other->at("verify"));
  return made;
}

/// Members of which only one can stand.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> rivals{
  {{"text", "body"}, {"prefix", "part"}, {"secret", "secrets"}}};

/// Whether `answer`, a part of a flow, has a status without a body (RFC 9110,
/// sections 15.3.5, 15.3.6 and 15.4.5).
bool is_without_body(const json& answer) {
  static const json without = {204, 205, 304};
  const auto status = answer.find("status");
  return status != answer.end()
      && std::find(without.begin(), without.end(), *status) != without.end();
}

/// Puts into `own` what `preset` has beyond it.
void fill_in(json& own, const json& preset) {
  for (const auto& member : preset.items()) {
    const auto& key = member.key();
    const auto& value = member.value();
    const auto it = own.find(key);
    if (it != own.end()) {
      if (it->is_object() && value.is_object())
        fill_in(*it, value);
      continue;
    }
    const bool displaced =
      std::any_of(rivals.begin(), rivals.end(), [&](const auto& pair) {
        return (key == pair.first && own.contains(pair.second))
            || (key == pair.second && own.contains(pair.first));
      });
    const bool is_body = key == "text" || key == "body";
    if (!displaced && !(is_body && is_without_body(own)))
      own[key] = value;
  }
}

/// Replaces "${with:NAME}" in every string.
void put_values(json& value, const json& with) {
  if (value.is_string()) {
    auto text = value.get<std::string>();
    for (const auto& [name, given] : with.items()) {
      const auto mark = "${with:" + name + "}";
      if (const auto at = text.find(mark); at != std::string::npos)
        text.replace(at, mark.size(), given.get<std::string>());
    }
    value = text;
  } else if (value.is_structured()) {
    for (auto& each : value)
      put_values(each, with);
  }
}

class sender_expander {
public:
  sender_expander(const json& definition, milliseconds deadline_limit,
                  flow_report& report)
      : definition_{definition},
        deadline_limit_{deadline_limit},
        object_{report, definition.at("sender"), pointer{"/sender"}, "sender"} {
  }

  expanded_flow expand() {
    expanded_flow made{definition_, false, false, false};
    made.definition.erase("sender");
    const auto* preset = read_name();
    if (preset == nullptr) {
      // What it would stand for is not known: nothing is missing either.
      made.secret_may_lack = true;
      return made;
    }
    auto members = preset->flow;
    if (preset->limit)
      if (const auto limit = parse_duration(*preset->limit);
          limit && *limit < deadline_limit_)
        members["deadline"] = {{"limit", *preset->limit}};
    put_values(members, read_with(*preset));
    choose_verify(*preset, members, made);
    fill_in(made.definition, members);
    return made;
  }

private:
  const sender_preset* read_name() {
    const auto name = object_.text("name");
    if (!name)
      return nullptr;
    if (const auto* found = find_sender(*name))
      return found;
    std::vector<std::string_view> names;
    for (const auto& each : sender_presets())
      names.push_back(each.name);
    object_.error("name", shown(*object_.find("name")) + " is not a sender"
                            + did_you_mean(*name, names)
                            + "; \"handoff senders\" lists them");
    return nullptr;
  }

  json read_with(const sender_preset& preset) {
    auto with = json::object();
    const auto* given = object_.find("with");
    if (given != nullptr && !given->is_object()) {
      object_.error("with",
                    "must be an object of texts, but is " + described(*given));
      given = nullptr;
    }
    const auto& known = preset.with;
    for (const auto& [name, meaning] : known) {
      const auto wrong = given != nullptr && given->contains(name)
                         ? why_unfit(given->at(name))
                         : "is missing: " + meaning;
      if (wrong)
        object_.report().error(object_.at("with") / name, *wrong);
      // Told once: not again where the preset has it.
      with[name] = wrong ? json("") : given->at(name);
    }
    const auto all = given != nullptr ? *given : json::object();
    for (const auto& member : all.items()) {
      const auto& name = member.key();
      if (std::none_of(known.begin(), known.end(),
                       [&](const auto& each) { return each.first == name; }))
        object_.report().error(object_.at("with") / name,
                               "does nothing for the sender "
                                 + in_quotes(preset.name));
    }
    return with;
  }

  /// Why `value` cannot be a value of "with". One that is empty proves nothing:
  /// a request without any would have it, too.
  std::optional<std::string> why_unfit(const json& value) {
    if (!value.is_string())
      return "must be a string, but is " + described(value);
    const auto text =
      object_.report().references.resolve(value.get<std::string>());
    if (const auto* failed = std::get_if<error>(&text))
      return failed->detail;
    if (std::get<std::string>(text).empty())
      return "must not be empty";
    return std::nullopt;
  }

  /// What the sender proves itself with, unless the flow says it otherwise.
  void choose_verify(const sender_preset& preset, json& members,
                     expanded_flow& made) {
    auto& own = made.definition["verify"];
    if (own.is_null())
      own = json::object();
    if (!own.is_object())
      return;
    const bool has_secret = object_.has("secret") || object_.has("secrets");
    if (preset.by_secret && all_begin_with(own, preset.by_secret->first))
      members["verify"] = preset.by_secret->second;
    if (preset.secret == secret_need::optional && !has_secret)
      members["verify"] = {{"scheme", "none"}};
    const auto scheme = own.value("scheme", json(nullptr));
    made.from_preset =
      scheme.is_null() || scheme == members["verify"]["scheme"];
    if (!made.from_preset)
      members.erase("verify");
    else
      fill_in(own, members["verify"]);
    if (own.value("scheme", json(nullptr)) == "none" || own.contains("secret")
        || own.contains("secrets"))
      return;
    if (has_secret) {
      for (const auto* key : {"secret", "secrets"})
        if (const auto* value = object_.find(key))
          own[key] = *value;
      made.secret_from_sender = true;
      return;
    }
    if (!made.from_preset)
      return;
    if (preset.secret == secret_need::needed)
      object_.report().error(object_.at(), "\"secret\" is missing, which the "
                                           "sender "
                                             + in_quotes(preset.name)
                                             + " needs");
    own["secrets"] = json::array();
    made.secret_may_lack = true;
  }

  /// Whether the secrets begin with `mark`, those of `own` first. It is an
  /// error where only some do: what the sender sends is one or the other.
  bool all_begin_with(const json& own, std::string_view mark) {
    std::size_t all = 0;
    std::size_t marked = 0;
    const auto count = [&](const json& secret) {
      if (!secret.is_string())
        return;
      // The reader of `verify` tells what cannot be resolved.
      const auto text =
        object_.report().references.resolve(secret.get<std::string>());
      ++all;
      if (const auto* value = std::get_if<std::string>(&text))
        marked += value->starts_with(mark) ? 1 : 0;
    };
    const auto count_those_of = [&](const auto& find) {
      if (const auto* one = find("secret"))
        count(*one);
      if (const auto* many = find("secrets");
          many != nullptr && many->is_array())
        for (const auto& each : *many)
          count(each);
    };
    count_those_of([&](const char* key) {
      const auto found = own.find(key);
      return found != own.end() ? &*found : nullptr;
    });
    const bool is_own = all > 0;
    if (!is_own)
      count_those_of([&](const char* key) { return object_.find(key); });
    if (marked > 0 && marked < all)
      object_.report().error(
        is_own ? pointer{"/verify/secrets"} : object_.at("secrets"),
        "some begin with \"" + std::string{mark}
          + "\" and some do not, but the sender proves itself in one way: "
            "enter those of one kind");
    return marked > 0;
  }

  const json& definition_;
  milliseconds deadline_limit_;
  object_reader object_;
};

} // namespace

std::optional<std::string> sender_preset::key() const {
  const auto at = pointer{"/idempotency/key"};
  if (!flow.contains(at))
    return std::nullopt;
  return flow.at(at).get<std::string>();
}

const std::vector<sender_preset>& sender_presets() {
  static const auto presets = [] {
    std::vector<sender_preset> made;
    const auto all = json::parse(senders_data());
    for (const auto& [name, preset] : all.items())
      made.push_back(read_preset(name, preset));
    return made;
  }();
  return presets;
}

const sender_preset* find_sender(std::string_view name) {
  const auto& all = sender_presets();
  const auto it = std::find_if(all.begin(), all.end(), [&](const auto& each) {
    return each.name == name;
  });
  return it == all.end() ? nullptr : &*it;
}

expanded_flow expand_sender(const json& definition, milliseconds deadline_limit,
                            flow_report& report) {
  if (!definition.is_object() || !definition.contains("sender"))
    return {definition, false, false, false};
  return sender_expander{definition, deadline_limit, report}.expand();
}

} // namespace handoff
