#include "tools/handoff/request_file.hpp"

#include "job/text.hpp"

#include <charconv>
#include <optional>

namespace handoff {
namespace {

error refused(std::string why) {
  return {error_kind::invalid_request, std::move(why)};
}

std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  auto line = rest.substr(0, end);
  rest.remove_prefix(end == npos ? rest.size() : end + 1);
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

std::optional<std::size_t> number_of(std::string_view text, int base) {
  std::size_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [at, failure] = std::from_chars(text.data(), end, value, base);
  return failure == std::errc{} && at == end ? std::optional{value}
                                             : std::nullopt;
}

result<std::string> put_together(std::string_view rest) {
  std::string body;
  for (;;) {
    const auto line = take_line(rest);
    const auto size = number_of(trimmed(line.substr(0, line.find(';'))), 16);
    if (!size || *size > rest.size())
      return refused("the chunks of its body are broken or cut off");
    if (*size == 0)
      return body;
    body += rest.substr(0, *size);
    rest.remove_prefix(*size);
    if (!take_line(rest).empty())
      return refused("the chunks of its body are broken or cut off");
  }
}

} // namespace

result<recorded_request> read_recorded_request(std::string_view bytes) {
  recorded_request made;
  const auto first = take_line(bytes);
  const auto blank = first.find(' ');
  const auto last = first.rfind(' ');
  if (blank == npos || last == blank
      || !first.substr(last + 1).starts_with("HTTP/"))
    return refused("it does not begin with a line such as \"POST "
                   "/hooks/setup HTTP/1.1\"");
  made.method = first.substr(0, blank);
  auto target = first.substr(blank + 1, last - blank - 1);
  // The form that is sent to proxies has a scheme and a host.
  if (const auto host = target.find("://");
      host != npos && !target.starts_with('/')) {
    const auto slash = target.find('/', host + 3);
    target = slash == npos ? std::string_view{"/"} : target.substr(slash);
  }
  const auto mark = target.find('?');
  made.path = target.substr(0, mark);
  if (mark != npos)
    made.query = target.substr(mark + 1);
  for (;;) {
    if (bytes.empty())
      return refused("there is no empty line behind its header fields");
    const auto line = take_line(bytes);
    if (line.empty())
      break;
    const auto colon = line.find(':');
    if (colon == npos || colon == 0)
      return refused("a header field has no name and colon");
    made.headers.push_back({std::string{line.substr(0, colon)},
                            std::string{trimmed(line.substr(colon + 1))}});
  }
  if (const auto* coding = find_header(made.headers, "Transfer-Encoding");
      coding != nullptr && coding->find("chunked") != std::string::npos) {
    auto body = put_together(bytes);
    if (auto* wrong = std::get_if<error>(&body))
      return std::move(*wrong);
    made.body = std::get<std::string>(std::move(body));
    return made;
  }
  if (const auto* length = find_header(made.headers, "Content-Length")) {
    const auto size = number_of(*length, 10);
    if (!size)
      return refused("its Content-Length is not a number");
    if (*size > bytes.size())
      made.missing = *size - bytes.size();
    bytes = bytes.substr(0, *size);
  }
  made.body = bytes;
  return made;
}

} // namespace handoff
