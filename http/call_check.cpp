#include "http/call_check.hpp"

#include <algorithm>
#include <array>
#include <strings.h>
#include <unordered_map>

namespace handoff {

namespace {

constexpr std::array<std::string_view, 7> methods{
  "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};

constexpr std::array<std::string_view, 10> client_fields{"Content-Length",
                                                         "Transfer-Encoding",
                                                         "Connection",
                                                         "Keep-Alive",
                                                         "Proxy-Connection",
                                                         "Expect",
                                                         "TE",
                                                         "Trailer",
                                                         "Upgrade",
                                                         "HTTP2-Settings"};

bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool is_token(std::string_view text) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !text.empty()
      && std::all_of(text.begin(), text.end(), [marks](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
               || (c >= '0' && c <= '9')
               || marks.find(c) != std::string_view::npos;
         });
}

bool breaks_line(char c) {
  return c == '\r' || c == '\n' || c == '\0';
}

error refused(std::string detail) {
  return {error_kind::template_failed, std::move(detail)};
}

curl_text part(const curl_url_parts& url, CURLUPart which, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK)
    return nullptr;
  return curl_text{text};
}

result<std::string> parse_host(const std::string& text) {
  const auto url = parse_url(text);
  if (url == nullptr)
    return refused("the URL is not absolute or not well formed");
  auto scheme = part(url, CURLUPART_SCHEME, 0);
  auto name = part(url, CURLUPART_HOST, 0);
  auto port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (scheme == nullptr || name == nullptr || port == nullptr
      || (!same_name(scheme.get(), "http")
          && !same_name(scheme.get(), "https")))
    return refused("the URL is neither http nor https");
  auto host = std::string{scheme.get()} + "://" + name.get() + ":" + port.get();
  std::transform(host.begin(), host.end(), host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return host;
}

/// What comes before the path of a URL: all that its host depends on.
std::string_view authority_part(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos)
    return url;
  return url.substr(0, url.find_first_of("/?#\\", scheme_end + 3));
}

/// Flows name few hosts, for any number of calls: what was found of one is
/// kept, by each thread for itself.
class known_hosts {
public:
  const std::string* find(std::string_view authority) {
    const auto found = hosts_.find(std::string{authority});
    return found == hosts_.end() ? nullptr : &found->second;
  }

  void add(std::string_view authority, const std::string& host) {
    if (hosts_.size() >= hosts_max)
      hosts_.clear();
    hosts_.emplace(authority, host);
  }

private:
  static constexpr std::size_t hosts_max = 256;

  std::unordered_map<std::string, std::string> hosts_;
};

result<std::string> host_of(const std::string& text) {
  auto unfit = [](unsigned char c) {
    return c <= ' ' || c == 0x7f;
  };
  if (std::any_of(text.begin(), text.end(), unfit))
    return refused("the URL holds a space or a control character");
  thread_local known_hosts known;
  const auto authority = authority_part(text);
  if (const auto* host = known.find(authority))
    return *host;
  auto host = parse_host(text);
  if (const auto* good = std::get_if<std::string>(&host))
    known.add(authority, *good);
  return host;
}

} // namespace

result<std::string> upstream_of(const outbound_call& call) {
  if (std::find(methods.begin(), methods.end(), call.method) == methods.end())
    return refused("the method is not one that can be sent");
  for (const auto& field : call.headers) {
    if (!is_token(field.name))
      return refused("a header's name is no token");
    if (std::any_of(field.value.begin(), field.value.end(), breaks_line))
      return refused("the header " + field.name
                     + " holds a line break or a NUL");
  }
  return host_of(call.url);
}

curl_url_parts parse_url(const std::string& text) {
  auto url = curl_url_parts{curl_url()};
  if (url != nullptr
      && curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_PATH_AS_IS)
           != CURLUE_OK)
    url.reset();
  return url;
}

bool belongs_to_client(std::string_view name) noexcept {
  return std::any_of(
    client_fields.begin(), client_fields.end(),
    [name](std::string_view field) { return same_name(field, name); });
}

std::string_view trimmed(std::string_view value) noexcept {
  constexpr std::string_view blanks = " \t";
  auto first = value.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return value.substr(first, value.find_last_not_of(blanks) - first + 1);
}

} // namespace handoff
