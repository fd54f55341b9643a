#include "tools/handoff/completion.hpp"

#include "tools/handoff/command_table.hpp"

#include <algorithm>

namespace handoff {
namespace {

constexpr std::string_view shells = "bash zsh fish";

/// In single quotes, with what a shell needs to have escaped in them.
std::string quoted(std::string_view text, std::string_view apostrophe) {
  std::string made = "'";
  for (const char each : text)
    made += each == '\'' ? std::string{apostrophe} : std::string{each};
  return made + "'";
}

bool is_file(const option_rule& option) {
  return option.value == "FILE";
}

/// The words of which the first operand is one, "backup check copy"; empty: it
/// may be any.
std::string first_words(const command_rule& command) {
  if (command.name == "completion")
    return std::string{shells};
  std::string words{command.words};
  if (words.find('|') == std::string::npos)
    return {};
  std::replace(words.begin(), words.end(), '|', ' ');
  return words;
}

/// Whether files follow the first operand.
bool takes_files(const command_rule& command) {
  return command.words.find('|') != std::string_view::npos;
}

std::string bash_options(const command_rule& command) {
  auto words = first_words(command);
  for (const auto& each : command.options)
    words += (words.empty() ? "--" : " --") + std::string{each.name}
           + (each.takes_value() ? "=" : "");
  return words;
}

/// The commands that take files, as a pattern of a `case`.
std::string bash_file_commands() {
  std::string names;
  for (const auto& each : command_table())
    if (takes_files(each))
      names += (names.empty() ? "" : " | ") + std::string{each.name};
  return names;
}

/// The values of options as branches of a `case`.
std::string bash_values() {
  std::string files;
  std::string branches;
  for (const auto& command : command_table())
    for (const auto& each : command.options) {
      const auto word = "--" + std::string{each.name};
      if (is_file(each) && files.find(word) == std::string::npos)
        files += (files.empty() ? "*," : " | *,") + word;
      if (!each.choices.empty())
        branches += "      " + std::string{command.name} + "," + word
                  + ") words='" + std::string{each.choices} + "' ;;\n";
    }
  return "      " + files + ") compopt -o default; return ;;\n" + branches;
}

std::string bash() {
  std::string names;
  std::string options;
  for (const auto& each : command_table()) {
    names += std::string{each.name} + ' ';
    options += "      " + std::string{each.name} + ") words='"
             + bash_options(each) + "' ;;\n";
  }
  return R"(# Completes handoff in bash; written by "handoff completion bash".
_handoff() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words='' option=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words=')"
       + names + R"(--help --version'
  else
    # bash takes the = of --name=value for a word.
    if [[ $word == '=' ]]; then
      option=${COMP_WORDS[COMP_CWORD - 1]} word=''
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == '=' ]]; then
      option=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --* ]]; then
      option=${COMP_WORDS[COMP_CWORD - 1]}
    fi
    case $command,$option in
)" + bash_values()
       + R"(    esac
    if ((COMP_CWORD > 2)) && [[ -z $option && $word != -* ]]; then
      case $command in
      )"
       + bash_file_commands() + R"() compopt -o default; return ;;
      esac
    fi
    [[ -n $words ]] || case $command in
)" + options
       + R"(    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
} 2>/dev/null
complete -F _handoff handoff
)";
}

std::string zsh_option(const option_rule& option) {
  auto text = "--" + std::string{option.name}
            + (option.takes_value() ? "=[" : "[") + std::string{option.purpose}
            + "]";
  if (is_file(option))
    text += ":" + std::string{option.value} + ":_files";
  else if (!option.choices.empty())
    text += ":" + std::string{option.value} + ":(" + std::string{option.choices}
          + ")";
  else if (option.takes_value())
    text += ":" + std::string{option.value} + ":";
  return text;
}

std::string zsh() {
  std::string names;
  std::string options;
  for (const auto& each : command_table()) {
    names += "    "
           + quoted(std::string{each.name} + ':' + std::string{each.purpose},
                    "'\\''")
           + '\n';
    options += "    " + std::string{each.name} + ") _arguments";
    for (const auto& option : each.options)
      options += " \\\n      " + quoted(zsh_option(option), "'\\''");
    if (const auto words = first_words(each); !words.empty())
      options +=
        " \\\n      '1:" + std::string{each.words} + ":(" + words + ")'";
    if (takes_files(each))
      options += " \\\n      '*:FILE:_files'";
    options += " ;;\n";
  }
  return R"(#compdef handoff
# Completes handoff in zsh; written by "handoff completion zsh".
_handoff() {
  local -a commands=(
)" + names
       + R"(  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
)" + options
       + R"(  esac
}
if [[ $funcstack[1] == _handoff ]]; then
  _handoff "$@"
else
  compdef _handoff handoff
fi
)";
}

std::string fish() {
  std::string text =
    "# Completes handoff in fish; written by \"handoff completion fish\".\n"
    "complete -c handoff -f\n";
  for (const auto& each : command_table())
    text += "complete -c handoff -n __fish_use_subcommand -a "
          + std::string{each.name} + " -d " + quoted(each.purpose, "\\'")
          + '\n';
  for (const auto& each : command_table()) {
    const auto here = "complete -c handoff -n '__fish_seen_subcommand_from "
                    + std::string{each.name} + "'";
    for (const auto& option : each.options) {
      text += here + " -l " + std::string{option.name} + " -d "
            + quoted(option.purpose, "\\'");
      if (is_file(option))
        text += " -r -F";
      else if (!option.choices.empty())
        text += " -x -a '" + std::string{option.choices} + "'";
      else if (option.takes_value())
        text += " -x";
      text += '\n';
    }
    if (const auto words = first_words(each); !words.empty())
      text += "complete -c handoff -n '__fish_seen_subcommand_from "
            + std::string{each.name} + "; and not __fish_seen_subcommand_from "
            + words + "' -a '" + words + "'\n";
    if (takes_files(each))
      text += "complete -c handoff -n '__fish_seen_subcommand_from "
            + first_words(each) + "' -F\n";
  }
  return text;
}

} // namespace

std::optional<std::string> completion_for(std::string_view shell) {
  if (shell == "bash")
    return bash();
  if (shell == "zsh")
    return zsh();
  if (shell == "fish")
    return fish();
  return std::nullopt;
}

} // namespace handoff
