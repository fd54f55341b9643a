#include "config/references.hpp"

#include "job/json_text.hpp"
#include "job/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>
#include <variant>

namespace handoff {

namespace {

constexpr std::string_view env_word = "env";
constexpr std::string_view file_word = "file";
constexpr std::size_t file_bytes_max = 65'536;

error failed(std::string_view reference, std::string_view why) {
  std::string detail{reference};
  detail += ' ';
  detail += why;
  return {error_kind::invalid_request, std::move(detail)};
}

/// The word between `${` and a colon, if there is one.
std::optional<std::string_view> word_at(std::string_view text,
                                        std::size_t open) {
  const auto rest = text.substr(open + 2);
  const auto end = std::find_if_not(rest.begin(), rest.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  if (end == rest.begin() || end == rest.end() || *end != ':')
    return std::nullopt;
  return rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
}

result<std::string> read_secret_file(const std::string& path,
                                     std::string_view reference) {
  std::error_code failure;
  if (!std::filesystem::is_regular_file(path, failure))
    return failed(reference, "cannot be read: there is no such file");
  std::ifstream file{path, std::ios::binary};
  std::string content(file_bytes_max + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!file.is_open() || file.bad())
    return failed(reference, "cannot be read");
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > file_bytes_max)
    return failed(reference, "is larger than 64KiB");
  if (content.find('\0') != npos)
    return failed(reference, "is not text: it has a NUL byte in it");
  // One that an editor puts there; systemd and Docker secrets have none.
  if (content.ends_with('\n')) {
    content.pop_back();
    if (content.ends_with('\r'))
      content.pop_back();
  }
  return content;
}

} // namespace

result<std::string> reference_resolver::value_of(std::string_view reference) {
  const auto colon = reference.find(':');
  const auto word = reference.substr(2, colon - 2);
  const auto name =
    std::string{reference.substr(colon + 1, reference.size() - colon - 2)};
  if (name.empty())
    return failed(reference, "needs a name after the colon");
  if (word == env_word) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr)
      return failed(reference, "is not set in the environment");
    return std::string{value};
  }
  const auto path = std::filesystem::path{base_directory_} / name;
  files_.add(path.string());
  return read_secret_file(path.string(), reference);
}

result<std::string> reference_resolver::resolve(std::string_view text) {
  std::string made;
  std::size_t from = 0;
  for (;;) {
    const auto open = text.find("${", from);
    made += text.substr(from, open == npos ? npos : open - from);
    if (open == npos)
      return made;
    const auto word = word_at(text, open);
    if (!word) {
      made += "${";
      from = open + 2;
      continue;
    }
    const auto close = text.find('}', open);
    if (close == npos)
      return failed(text.substr(open), "is not closed, it needs } at its end");
    const auto reference = text.substr(open, close + 1 - open);
    if (*word != env_word && *word != file_word)
      return failed(
        reference,
        "is not a known reference; allowed: ${env:NAME} and ${file:PATH}");
    auto value = value_of(reference);
    if (auto* wrong = std::get_if<error>(&value))
      return std::move(*wrong);
    remember(std::get<std::string>(value),
             std::string{reference.substr(2, reference.size() - 3)});
    doubt(reference, std::get<std::string>(value));
    made += std::get<std::string>(value);
    from = close + 1;
  }
}

void reference_resolver::doubt(std::string_view reference,
                               std::string_view value) {
  if (value.empty())
    return;
  const auto is_one_of = [](char c, std::string_view any) {
    return any.find(c) != npos;
  };
  const char first = value.front();
  const char last = value.back();
  std::string_view why;
  if (is_one_of(last, "\r\n"))
    why = "ends with a line break";
  else if (is_one_of(first, " \t\r\n") || is_one_of(last, " \t"))
    why = "has a blank at its beginning or end";
  else if (value.size() > 1 && first == last && is_one_of(first, "\"'"))
    why = "is in quotes";
  else
    return;
  auto said = std::string{reference} + ' ' + std::string{why}
            + ", which is taken as a part of its value";
  if (std::find(doubts_.begin(), doubts_.end(), said) == doubts_.end())
    doubts_.push_back(std::move(said));
}

void reference_resolver::remember(const std::string& value,
                                  const std::string& name) {
  const auto add = [this](std::string text, std::string called) {
    const auto known =
      std::find_if(secrets_.begin(), secrets_.end(),
                   [&](const auto& each) { return each.value == text; });
    if (known == secrets_.end()) {
      if (!text.empty())
        secrets_.push_back({std::move(text), std::move(called), journaled_});
    } else if (journaled_ && !known->journaled) {
      *known = {std::move(text), std::move(called), true};
    }
  };
  add(value, name);
  const auto written = json_text(value);
  add(written.substr(1, written.size() - 2), name + " as JSON");
}

bool has_reference(std::string_view text) noexcept {
  return text.find("${env:") != npos || text.find("${file:") != npos;
}

} // namespace handoff
