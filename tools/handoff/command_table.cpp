#include "tools/handoff/command_table.hpp"

#include <algorithm>

namespace handoff {
namespace {

constexpr option_rule help{"help", "", "the options"};
constexpr option_rule config_file{"config-file", "FILE", "the INI"};
constexpr option_rule data{"data", "JSON", "the body; @FILE reads a file"};
constexpr option_rule header{"header", "FIELD",
                             "a further header field; may come several times"};
constexpr option_rule async{"async", "", "do not wait for the clone"};
constexpr option_rule json_option{"json", "", "the answer as JSON"};

/// What a command has in common with all others that ask a service.
std::vector<option_rule> client(std::vector<option_rule> own) {
  own.push_back({"url", "URL", "where the service is"});
  own.insert(own.end(), {config_file, json_option, help});
  return own;
}

} // namespace

const std::vector<command_rule>& command_table() {
  static const std::vector<command_rule> table{
    {"serve", "", "run the service", {config_file, help}, true},
    {"check",
     "",
     "validate the INI and the flows without starting",
     {{"expand", "", "print the flows with their senders expanded"},
      config_file,
      json_option,
      help},
     true},
    {"send", "FLOW", "send a webhook to a running service",
     client({data,
             header,
             async,
             {"sign", "", "sign it as the flow's sender would"},
             {"timeout", "SECONDS", "how long to wait for the answer"}}),
     true},
    {"jobs", "", "list jobs",
     client({{"flow", "NAME", "only those of this flow"},
             {"status", "STATUS", "only those with this status",
              "cloning running succeeded failed cancelled ambiguous"},
             {"uid", "UID", "only those whose clone has this UID"},
             {"search", "TEXT", "only those with it in id, UID or title"},
             {"since", "TIME", "only those received since then"},
             {"limit", "N", "at most so many"},
             {"cursor", "CURSOR", "go on where another page ended"}}),
     true},
    {"show", "JOB", "draw a job's timeline",
     client(
       {{"verbose", "", "with each request, and each answer that failed"}}),
     true},
    {"watch", "JOB...", "show jobs while they run", client({}), true},
    {"retry", "[JOB]", "make once more what failed of a job, or of many",
     client({{"sub-action", "NAME", "only this one"},
             {"definition", "VERSION", "by the flow as it is now", "current"},
             {"flow", "NAME", "all jobs of this flow"},
             {"status", "STATUS", "all jobs with this status",
              "failed cancelled succeeded"},
             {"since", "TIME", "all jobs received since then"},
             {"dry-run", "", "only count the jobs that match"}}),
     true},
    {"cancel", "JOB", "let a job begin nothing more", client({}), true},
    {"resolve", "JOB", "settle an ambiguous clone",
     client({{"uid", "UID", "it happened, and this is its UID, a string"},
             {"uid-integer", "N", "it happened, and this is its UID, a number"},
             {"answer", "JSON", "what the clone answered, beside a UID"},
             {"clone-again", "", "it did not happen: make it again"},
             {"poll-again", "", "it was accepted: ask what became of it"}}),
     true},
    {"flows", "", "list the flows that are in force", client({}), true},
    {"reload", "", "read the flows again and put them in force, all or none",
     client({}), true},
    {"nodes", "", "list the nodes that share the journal", client({}), true},
    {"journal",
     "backup|check|copy",
     "back the journal up while the service runs, check or move one",
     {config_file, json_option, help},
     true},
    {"simulate",
     "[FLOW]",
     "play a flow, or the whole service, through in virtual time",
     {{"script", "FILE", "how the APIs behave"},
      data,
      header,
      async,
      {"jobs", "N", "run the whole service, with so many webhooks"},
      {"seed", "S", "with --jobs: what all that happens is drawn from"},
      {"crashes", "N", "with --jobs: how often the process dies"},
      {"commands", "N", "with --jobs: how many commands operators give"},
      {"faults", "LIST", "with --jobs: what else fails; none: nothing"},
      config_file,
      json_option,
      help},
     true},
    {"senders",
     "[NAME]",
     "list the senders that are known, or print what one stands for",
     {json_option, help}},
    {"verify",
     "FLOW",
     "say what the service would do with a recorded request",
     {{"request", "FILE", "the bytes of the HTTP request"},
      {"at", "TIME", "as if it came then; by default, now"},
      config_file,
      json_option,
      help},
     true},
    {"completion",
     "SHELL",
     "print what completes commands in bash, zsh or fish",
     {help}},
    {"version", "", "print the version", {json_option, help}},
  };
  return table;
}

arguments read_arguments(std::string_view command,
                         const std::vector<std::string>& words) {
  const auto& all = command_table();
  const auto& rule =
    *std::find_if(all.begin(), all.end(),
                  [&](const auto& each) { return each.name == command; });
  return read_arguments(words, rule.options, rule.takes_overrides);
}

} // namespace handoff
