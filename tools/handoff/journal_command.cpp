#include "config/check.hpp"
#include "job/json_text.hpp"
#include "journal/journal_copy.hpp"
#include "journal/sqlite_backup.hpp"
#include "tools/handoff/command_table.hpp"
#include "tools/handoff/commands.hpp"
#include "tools/handoff/complaint.hpp"
#include "tools/handoff/exit_codes.hpp"
#include "tools/handoff/journal_place.hpp"
#include "tools/handoff/terminal.hpp"

#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

namespace handoff {
namespace {

using nlohmann::json;

constexpr const char* help =
  R"(Usage: handoff journal backup FILE [OPTIONS]
       handoff journal check [FILE|URI] [OPTIONS]
       handoff journal copy FROM TO [OPTIONS]

backup copies the journal of the INI to FILE, which must not be there yet, as it
is at one moment. The service may run meanwhile and goes on as ever. FILE is a
journal by itself: it has no log beside it.

check reads every page and every event of a journal, by default that of the INI,
and changes nothing. The service may run meanwhile.

copy copies a stopped journal to another, which is empty or not there yet: from
sqlite:PATH to postgresql://USER@HOST:PORT/DATABASE, back, or between two of a
kind. Jobs that are not finished go on at the service that is started on TO.

  --config-file=FILE     the INI that says where the journal is
  --SECTION.KEY=VALUE    in place of what the INI says: --journal.uri=URI
  --json                 what was found as JSON

Ends with 0 if the journal was copied, or is whole; with 1 if it could not be
copied, or is damaged; with 2 if the command was called wrongly.
)";

/// Says what is wrong; in JSON where that was asked for.
int complain(const arguments& given, const std::string& what, int code) {
  if (given.has("json"))
    std::cout << json_text({{"ok", false}, {"error", what}}) << '\n';
  std::cerr << "handoff journal: " << printable(what) << '\n';
  if (code == exit_usage)
    std::cerr << "handoff journal --help tells more.\n";
  return code;
}

int exit_code_of(const error& why) {
  return why.kind == error_kind::invalid_request ? exit_usage : exit_failed;
}

int back_up(const arguments& given, const std::string& from) {
  const auto& to = given.positional[1];
  const auto made = back_up_sqlite(from, to);
  if (const auto* failed = std::get_if<error>(&made))
    return complain(given, failed->detail, exit_code_of(*failed));
  const auto& facts = std::get<backup_facts>(made);
  if (given.has("json"))
    std::cout << json_text({{"ok", true},
                            {"file", to},
                            {"bytes", facts.bytes},
                            {"jobs", facts.jobs}})
              << '\n';
  else
    std::cout << printable(to) << ": " << facts.jobs
              << (facts.jobs == 1 ? " job, " : " jobs, ") << facts.bytes
              << " bytes\n";
  return exit_done;
}

void print(const std::string& path, const journal_facts& facts) {
  for (const auto& each : facts.problems)
    std::cerr << printable(path) << ": " << printable(each) << '\n';
  std::cout << printable(path) << ": schema " << facts.schema << ", "
            << facts.jobs << (facts.jobs == 1 ? " job" : " jobs");
  const char* before = ": ";
  for (const auto& [status, count] : facts.statuses) {
    std::cout << before << count << ' ' << status;
    before = ", ";
  }
  std::cout << '\n'
            << (facts.problems.empty()
                  ? "the journal is whole"
                  : "the journal is damaged: restore it from a backup")
            << '\n';
}

int check_it(const arguments& given, const std::string& path) {
  const auto looked = check_sqlite(path);
  if (const auto* failed = std::get_if<error>(&looked))
    return complain(given, failed->detail, exit_code_of(*failed));
  const auto& facts = std::get<journal_facts>(looked);
  const bool is_whole = facts.problems.empty();
  if (given.has("json"))
    std::cout << json_text({{"ok", is_whole},
                            {"file", path},
                            {"schema", facts.schema},
                            {"jobs", facts.jobs},
                            {"statuses", facts.statuses},
                            {"problems", facts.problems}},
                           {.indent = 2})
              << '\n';
  else
    print(path, facts);
  return is_whole ? exit_done : exit_failed;
}

/// Opens the journal that a URI names; throws `std::runtime_error`.
std::unique_ptr<whole_journal> opened(const std::string& uri) {
  constexpr std::string_view scheme = "sqlite:";
  return uri.starts_with(scheme) ? open_whole_sqlite(uri.substr(scheme.size()))
                                 : open_whole_postgres(uri);
}

bool is_journal_uri(const std::string& text) {
  constexpr std::string_view scheme = "sqlite:";
  return (text.starts_with(scheme) && text.size() > scheme.size())
      || text.starts_with("postgresql://") || text.starts_with("postgres://");
}

int copy_it(const arguments& given) {
  const auto& from = given.positional[1];
  const auto& to = given.positional[2];
  for (const auto& each : {from, to})
    if (!is_journal_uri(each))
      return complain(given,
                      "copy takes URIs: sqlite:PATH or "
                      "postgresql://USER@HOST:PORT/DATABASE",
                      exit_usage);
  if (from == to)
    return complain(given, "FROM and TO are the same journal", exit_usage);
  constexpr std::string_view scheme = "sqlite:";
  std::error_code ignored;
  if (from.starts_with(scheme)
      && !std::filesystem::exists(from.substr(scheme.size()), ignored))
    return complain(given, "there is no journal to copy from", exit_failed);
  copy_facts facts;
  try {
    const auto source = opened(from);
    const auto target = opened(to);
    const auto copied = copy_journal(*source, *target);
    if (const auto* failed = std::get_if<error>(&copied))
      return complain(given, failed->detail, exit_failed);
    facts = std::get<copy_facts>(copied);
  } catch (const std::exception& why) {
    return complain(given, why.what(), exit_failed);
  }
  if (given.has("json"))
    std::cout << json_text({{"ok", true},
                            {"jobs", facts.jobs},
                            {"unfinished", facts.unfinished},
                            {"keys", facts.keys}})
              << '\n';
  else
    std::cout << "copied " << facts.jobs << " jobs, " << facts.unfinished
              << " of them unfinished, and " << facts.keys << " keys\n";
  return exit_done;
}

/// The path of the journal that the INI names; sets `failed` if it has none.
std::string path_in_ini(const arguments& given, std::string& failed) {
  std::optional<std::filesystem::path> ini;
  if (const auto file = given.value("config-file"))
    ini = *file;
  const auto loaded = load_settings(ini, given.overrides);
  for (const auto& each : loaded.errors)
    if (each.where.empty() || each.where == "journal.uri") {
      failed = to_string(each);
      return {};
    }
  if (loaded.values.journal.is_shared()) {
    failed = "the journal is in PostgreSQL, whose own tools back it up and "
             "check it; allowed: sqlite:PATH";
    return {};
  }
  return sqlite_path(loaded.values);
}

} // namespace

int journal_command(const command_words& words) {
  const auto given = read_arguments("journal", words);
  if (given.has("help")) {
    std::cout << help;
    return exit_done;
  }
  const auto& named = given.positional;
  if (given.error)
    return complain("journal", words,
                    {error_kind::invalid_request, *given.error}, exit_usage);
  if (named.empty()
      || (named[0] != "backup" && named[0] != "check" && named[0] != "copy"))
    return complain(given, "needs backup, check or copy", exit_usage);
  if (named[0] == "copy")
    return named.size() == 3
           ? copy_it(given)
           : complain(given, "copy needs FROM and TO", exit_usage);
  const bool is_backup = named[0] == "backup";
  if (is_backup && named.size() != 2)
    return complain(given, "backup needs the FILE to write", exit_usage);
  if (named.size() > 2)
    return complain(given, "check takes one journal", exit_usage);
  std::string path;
  if (!is_backup && named.size() == 2) {
    if (named[1].starts_with("postgresql:")
        || named[1].starts_with("postgres:"))
      return complain(given,
                      "a PostgreSQL journal is checked by the database itself; "
                      "check takes a file or sqlite:PATH",
                      exit_usage);
    constexpr std::string_view scheme = "sqlite:";
    path =
      named[1].starts_with(scheme) ? named[1].substr(scheme.size()) : named[1];
  } else {
    std::string failed;
    path = path_in_ini(given, failed);
    if (!failed.empty())
      return complain(given, failed, exit_usage);
  }
  return is_backup ? back_up(given, path) : check_it(given, path);
}

} // namespace handoff
