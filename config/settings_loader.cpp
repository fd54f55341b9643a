#include "config/settings_loader.hpp"

#include "config/duration.hpp"
#include "config/flow_check.hpp"
#include "config/ini_file.hpp"
#include "config/nearest_name.hpp"
#include "config/settings_table.hpp"
#include "config/settings_value.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <system_error>
#include <utility>

namespace handoff {

namespace {

/// Of `[journal] secret`: fewer could be tried out.
constexpr std::size_t secret_bytes_min = 16;

namespace fs = std::filesystem;

constexpr std::size_t ini_bytes_max = 1'048'576;

/// Whether the value should not be read by all: a URI where it has a password.
bool is_secret(const setting_key& key, const std::string* text) {
  if (key.type != setting_type::journal_uri || text == nullptr)
    return key.type == setting_type::secret;
  const auto host = text->find("//");
  const auto at = text->find('@');
  return (host != std::string::npos && at != std::string::npos
          && text->find(':', host) < at)
      || text->find("password=") != std::string::npos;
}

/// Fills the settings, from the INI first and then from the command line.
class settings_builder {
public:
  settings_builder(std::string file, const std::string& base_directory)
      : file_(std::move(file)), references_(base_directory) {
    made.values.base_directory = base_directory;
  }

  void read_entry(const ini_entry& entry) {
    if (entry.section.empty()) {
      complain(file_, entry.key,
               "stands outside of any section; allowed: a key in "
                 + one_of(setting_sections()));
      return;
    }
    const auto name = entry.section + "." + entry.key;
    const auto* key = known(file_, name, entry.section, entry.key);
    if (key == nullptr)
      return;
    if (is_secret(*key, std::get_if<std::string>(&entry.value))) {
      const auto* text = std::get_if<std::string>(&entry.value);
      if (text != nullptr && !has_reference(*text))
        made.warnings.push_back({file_, name,
                                 "is a secret in plain text; put it in "
                                 "${env:NAME} or ${file:PATH}"});
    }
    take(*key, file_, name, read_setting(*key, entry.value, references_));
  }

  void read_override(std::string_view option) {
    if (option.starts_with("--"))
      option.remove_prefix(2);
    const auto equals = option.find('=');
    const auto name = option.substr(0, equals);
    const auto dot = name.find('.');
    const auto shown = "--" + std::string{name};
    if (dot == std::string_view::npos) {
      complain(shown, "", "names no key; allowed: --section.key=value");
      return;
    }
    const auto section = std::string{name.substr(0, dot)};
    const auto* key =
      known(shown, "", section, std::string{name.substr(dot + 1)});
    if (key == nullptr)
      return;
    if (equals == std::string_view::npos) {
      complain(shown, "", "has no value; allowed: " + shown + "=VALUE");
      return;
    }
    const auto value = option.substr(equals + 1);
    const std::string text{value};
    if (is_secret(*key, &text) && !has_reference(value))
      made.warnings.push_back({shown, "",
                               "is a secret that the list of processes shows; "
                               "put it in ${env:NAME} or ${file:PATH}"});
    take(*key, shown, "", read_setting(*key, value, references_));
  }

  /// What no key alone can tell.
  void cross_check();

  void warn_of_doubts() {
    for (const auto& doubt : references_.doubts())
      made.warnings.push_back({file_, "", doubt});
  }

  loaded_settings made;

private:
  void complain(std::string file, std::string where, std::string what) {
    made.errors.push_back({std::move(file), std::move(where), std::move(what)});
  }

  const setting_key* known(const std::string& file, const std::string& where,
                           const std::string& section, const std::string& key);

  void take(const setting_key& key, const std::string& file,
            const std::string& where,
            std::variant<setting_value, refused_value> value) {
    const auto name = key.name();
    source_[name] = file;
    if (auto* wrong = std::get_if<refused_value>(&value)) {
      bad_.push_back(name);
      complain(file, where, std::move(wrong->what));
      return;
    }
    auto& good = std::get<setting_value>(value);
    if (key.set)
      key.set(made.values, good);
    else
      set_caf(name, good);
  }

  void set_caf(const std::string& name, const setting_value& value) {
    std::erase_if(made.caf, [&](const auto& o) { return o.name == name; });
    made.caf.push_back({name, value});
  }

  bool is_set(const std::string& name) const { return source_.contains(name); }

  bool is_bad(std::string_view name) const {
    return std::find(bad_.begin(), bad_.end(), name) != bad_.end();
  }

  /// Complains about a key in the words of where it was set, of the first of
  /// `names` that was.
  void complain_about(const std::vector<std::string>& names, std::string what) {
    for (const auto& name : names) {
      const auto it = source_.find(name);
      if (it == source_.end())
        continue;
      const bool option = it->second.starts_with("--");
      complain(it->second, option ? "" : name, std::move(what));
      return;
    }
  }

  void check_deadline();
  void check_retry();
  void check_listeners();
  void check_public_url();
  void check_collector();
  void check_journal();
  void check_caf();

  std::string file_;
  reference_resolver references_;
  /// Where the keys that were set stand: the INI or an option.
  std::map<std::string, std::string> source_;
  std::vector<std::string> bad_;
};

const setting_key* settings_builder::known(const std::string& file,
                                           const std::string& where,
                                           const std::string& section,
                                           const std::string& key) {
  const auto sections = setting_sections();
  const auto section_where = where.empty() ? where : "[" + section + "]";
  if (std::find(sections.begin(), sections.end(), section) == sections.end()) {
    // One complaint a section is enough.
    const problem found{file, section_where,
                        section == "logger"
                          ? std::string{"is CAF's own log, which does nothing "
                                        "in this build; allowed: [log]"}
                          : "is not a known section"
                              + did_you_mean(section, sections)
                              + "; allowed: " + one_of(sections)};
    if (std::find(made.errors.begin(), made.errors.end(), found)
        == made.errors.end())
      made.errors.push_back(found);
    return nullptr;
  }
  // A section without keys in it is as good as none.
  if (key.empty() && !where.empty())
    return nullptr;
  const auto* found = find_setting(section, key);
  if (found == nullptr) {
    const auto names = setting_names(section);
    complain(file, where,
             "is not a known key" + did_you_mean(key, names)
               + "; allowed: " + one_of(names));
  }
  return found;
}

void settings_builder::check_deadline() {
  const auto& deadline = made.values.deadline;
  if (deadline.margin < deadline.limit || is_bad("deadline.margin")
      || is_bad("deadline.limit"))
    return;
  complain_about({"deadline.margin", "deadline.limit"},
                 "deadline.margin is " + format_duration(deadline.margin)
                   + "; allowed: less than deadline.limit, which is "
                   + format_duration(deadline.limit));
}

void settings_builder::check_retry() {
  const auto& retry = made.values.retry;
  if (retry.first <= retry.max || is_bad("retry.first") || is_bad("retry.max"))
    return;
  complain_about({"retry.first", "retry.max"},
                 "retry.first is " + format_duration(retry.first)
                   + "; allowed: up to retry.max, which is "
                   + format_duration(retry.max));
}

void settings_builder::check_listeners() {
  const auto& http = made.values.http;
  const auto& admin = made.values.admin;
  if (!is_loopback(admin.address) && admin.token.empty()
      && !is_bad("admin.token"))
    complain_about({"admin.address"},
                   in_quotes(admin.address)
                     + " is reachable from other machines: set admin.token or "
                       "use a loopback address");
  const auto is_any = [](const std::string& address) {
    return address == "0.0.0.0" || address == "::";
  };
  const bool overlap = http.address == admin.address || is_any(http.address)
                    || is_any(admin.address);
  const bool bad = is_bad("http.port") || is_bad("admin.port")
                || is_bad("http.address") || is_bad("admin.address");
  if (http.port != 0 && http.port == admin.port && overlap && !bad)
    complain_about({"admin.port", "http.port"},
                   "admin.port and http.port are both "
                     + std::to_string(http.port)
                     + "; allowed: two ports or two addresses");
}

void settings_builder::check_public_url() {
  const auto& url = made.values.http.public_url;
  if (url.empty() || is_bad("http.public-url"))
    return;
  if (auto why = why_bad_url({url}); !why.empty())
    complain_about({"http.public-url"}, std::move(why));
  else if (url.find('?') != std::string::npos)
    complain_about({"http.public-url"},
                   "has a query; allowed: what senders call, such as "
                   "\"https://hooks.example\"");
}

void settings_builder::check_collector() {
  const auto& url = made.values.trace.otlp;
  if (url.empty() || is_bad("trace.otlp"))
    return;
  if (auto why = why_bad_url({url}); !why.empty())
    complain_about({"trace.otlp"}, std::move(why));
}

void settings_builder::check_journal() {
  const auto& secret = made.values.journal.secret;
  if (!secret.empty() && secret.size() < secret_bytes_min)
    complain_about({"journal.secret"},
                   "is shorter than 16 characters; allowed: a long random "
                   "text, such as what \"openssl rand -hex 32\" prints");
  if (made.values.journal.is_shared() || is_bad("journal.uri"))
    return;
  for (const auto* each :
       {"journal.lease", "journal.node", "journal.secret", "upstream.shared"})
    complain_about({each}, "does nothing with a sqlite: journal, which one "
                           "process has to itself; allowed: with journal.uri "
                           "= \"postgresql://…\"");
}

void settings_builder::check_caf() {
  // CAF has others.
  const std::pair<const char*, setting_value> defaults[] = {
    {"scheduler.policy", std::string{"sharing"}},
    {"scheduler.max-threads", std::int64_t{2}},
    {"scheduler.max-throughput", std::int64_t{100}},
  };
  for (const auto& [name, value] : defaults)
    if (!is_set(name))
      set_caf(name, value);
  const auto value_of = [&](std::string_view name) -> const setting_value* {
    const auto it = std::find_if(made.caf.begin(), made.caf.end(),
                                 [&](const auto& o) { return o.name == name; });
    return it == made.caf.end() ? nullptr : &it->value;
  };
  const auto* policy = value_of("scheduler.policy");
  const auto* profiling = value_of("scheduler.enable-profiling");
  const bool stealing =
    policy == nullptr || std::get<std::string>(*policy) == "stealing";
  const bool profiled = profiling != nullptr && std::get<bool>(*profiling);
  for (const auto& [name, file] : source_) {
    if (name.starts_with("work-stealing.") && !stealing)
      complain_about(
        {name},
        "does nothing with this scheduler.policy: it belongs to \"stealing\"");
    if (name.starts_with("scheduler.profiling-") && !profiled
        && !is_bad("scheduler.enable-profiling"))
      complain_about({name},
                     "does nothing without scheduler.enable-profiling = true");
  }
}

void settings_builder::cross_check() {
  check_deadline();
  check_retry();
  check_listeners();
  check_public_url();
  check_collector();
  check_journal();
  check_caf();
  auto& flows = made.values.flows;
  flows.given = is_set("flows.directory") && !is_bad("flows.directory");
  flows.directory =
    (fs::path{made.values.base_directory} / flows.directory).string();
  flows.connections_given =
    is_set("flows.connections") && !is_bad("flows.connections");
  flows.connections =
    (fs::path{made.values.base_directory} / flows.connections).string();
}

std::optional<std::string> read_file(const fs::path& path) {
  std::error_code failure;
  if (!fs::is_regular_file(path, failure))
    return std::nullopt;
  std::ifstream stream{path, std::ios::binary};
  std::string text(ini_bytes_max + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream.is_open() || stream.bad())
    return std::nullopt;
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

} // namespace

loaded_settings read_settings(const std::string& file, std::string_view text,
                              const std::string& base_directory,
                              const std::vector<std::string>& overrides) {
  settings_builder builder{file, base_directory};
  auto content = parse_ini(file, text);
  builder.made.errors = std::move(content.errors);
  for (const auto& entry : content.entries)
    builder.read_entry(entry);
  for (const auto& option : overrides)
    builder.read_override(option);
  builder.cross_check();
  builder.warn_of_doubts();
  return std::move(builder.made);
}

loaded_settings load_settings(const std::optional<fs::path>& ini,
                              const std::vector<std::string>& overrides) {
  if (!ini)
    return read_settings("", "", "", overrides);
  const auto file = ini->string();
  const auto base = ini->parent_path().string();
  const auto text = read_file(*ini);
  if (text && text->size() <= ini_bytes_max)
    return read_settings(file, *text, base, overrides);
  auto made = read_settings(file, "", base, overrides);
  made.errors.insert(made.errors.begin(),
                     {file, "",
                      text ? "is too large; allowed: 1MiB"
                           : "cannot be read; allowed: an INI file"});
  return made;
}

} // namespace handoff
