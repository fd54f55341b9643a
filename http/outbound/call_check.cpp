#include "http/outbound/call_check.hpp"

#include "job/text.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <strings.h>
#include <utility>

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

bool equal_names(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

constexpr byte_set line_breaks{std::string_view{"\r\n\0", 3}};
constexpr byte_set ends_of_authority{"/?#"};
constexpr byte_set plain_bytes{"0123456789.-_:[]"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz"};
constexpr byte_set bytes_that_libcurl_changes{"%?#\\"};

bool is_token(std::string_view text) {
  return !text.empty() && token_bytes.has_all(text);
}

error refused_call(std::string detail) {
  return {error_kind::template_failed, std::move(detail)};
}

curl_text part(const curl_url_parts& url, CURLUPart which, unsigned flags) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK)
    return nullptr;
  return curl_text{text};
}

curl_url_parts parse(const std::string& url) {
  auto parts = curl_url_parts{curl_url()};
  if (parts != nullptr
      && curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), CURLU_PATH_AS_IS)
           != CURLUE_OK)
    parts.reset();
  return parts;
}

result<std::string> host_of(const curl_url_parts& url) {
  if (url == nullptr)
    return refused_call("the URL is not absolute or not well formed");
  auto scheme = part(url, CURLUPART_SCHEME, 0);
  auto name = part(url, CURLUPART_HOST, 0);
  auto port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (scheme == nullptr || name == nullptr || port == nullptr
      || (!equal_names(scheme.get(), "http")
          && !equal_names(scheme.get(), "https")))
    return refused_call("the URL is neither http nor https");
  auto host = std::string{scheme.get()} + "://" + name.get() + ":" + port.get();
  std::transform(host.begin(), host.end(), host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return host;
}

/// What comes before the path of a URL, where that is plain and so all that its
/// host depends on; else nothing: libcurl reads much that is no URL (RFC 3986)
/// in ways of its own.
std::string_view plain_authority(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos
      || (!equal_names(url.substr(0, scheme_end), "http")
          && !equal_names(url.substr(0, scheme_end), "https")))
    return {};
  const auto begin = scheme_end + 3;
  const auto end = ends_of_authority.find_in(url, begin);
  const auto authority = url.substr(begin, end - begin);
  const bool is_plain = !authority.empty() && plain_bytes.has_all(authority);
  return is_plain ? url.substr(0, end) : std::string_view{};
}

/// The parts of `url`, of whose authority, `authority_bytes` long, `known` are
/// those. Null if it is no URL.
curl_url_parts with_rest(const curl_url_parts& known, const std::string& url,
                         std::size_t authority_bytes) {
  // Far below what libcurl takes at all, which it counts otherwise for a part.
  constexpr std::size_t url_bytes_max = 65'536;
  // To set a path does not split it, and writes what is percent-encoded in
  // lower case.
  if (url.size() > url_bytes_max || authority_bytes == url.size()
      || url[authority_bytes] != '/'
      || bytes_that_libcurl_changes.find_in(url, authority_bytes) < url.size())
    return parse(url);
  auto parts = curl_url_parts{curl_url_dup(known.get())};
  if (parts != nullptr
      && curl_url_set(parts.get(), CURLUPART_PATH,
                      url.c_str() + authority_bytes, 0)
           != CURLUE_OK)
    parts.reset();
  return parts;
}

/// Flows name few hosts, for any number of calls: what was found of one is
/// kept, by each thread for itself.
class known_targets {
public:
  const call_target* find(std::string_view authority) const {
    const auto found = targets_.find(authority);
    return found == targets_.end() ? nullptr : &found->second;
  }

  void add(std::string_view authority, const std::string& host) {
    auto text = std::string{authority};
    auto parts = parse(text);
    const auto own_host = host_of(parts);
    const auto* own = std::get_if<std::string>(&own_host);
    if (own == nullptr || *own != host)
      return;
    if (targets_.size() >= targets_max)
      targets_.clear();
    targets_.emplace(std::move(text), call_target{host, std::move(parts)});
  }

private:
  static constexpr std::size_t targets_max = 256;

  std::map<std::string, call_target, std::less<>> targets_;
};

result<call_target> target_of(const std::string& url) {
  auto unfit = [](unsigned char c) {
    return c <= ' ' || c == 0x7f;
  };
  if (std::any_of(url.begin(), url.end(), unfit))
    return refused_call("the URL holds a space or a control character");
  thread_local known_targets known;
  const auto authority = plain_authority(url);
  if (const auto* target = known.find(authority))
    if (auto parts = with_rest(target->url, url, authority.size()))
      return call_target{target->host, std::move(parts)};
  auto parts = parse(url);
  auto host = host_of(parts);
  if (auto* failed = std::get_if<error>(&host))
    return std::move(*failed);
  call_target target{std::get<std::string>(std::move(host)), std::move(parts)};
  if (!authority.empty())
    known.add(authority, target.host);
  return target;
}

} // namespace

std::string call_target::name() const {
  const auto begin = host.find("://") + 3;
  auto text = host.substr(begin, host.rfind(':') - begin);
  if (text.starts_with('[') && text.ends_with(']'))
    text = text.substr(1, text.size() - 2);
  return text;
}

std::string call_target::ascii_name() const {
  auto own = name();
  if (std::all_of(own.begin(), own.end(),
                  [](unsigned char each) { return each < 0x80; }))
    return own;
  const auto text = part(url, CURLUPART_HOST, CURLU_PUNYCODE);
  return text != nullptr ? text.get() : own;
}

std::string call_target::port() const {
  return host.substr(host.rfind(':') + 1);
}

result<call_target> target_of(const outbound_call& call) {
  if (std::find(methods.begin(), methods.end(), call.method) == methods.end())
    return refused_call("the method is not one that can be sent");
  for (const auto& field : call.headers) {
    if (!is_token(field.name))
      return refused_call("a header's name is not a token");
    if (line_breaks.find_in(field.value) < field.value.size())
      return refused_call("the header " + field.name
                          + " holds a line break or a NUL");
  }
  return target_of(call.url);
}

bool belongs_to_client(std::string_view name) noexcept {
  return std::any_of(
    client_fields.begin(), client_fields.end(),
    [name](std::string_view field) { return equal_names(field, name); });
}

} // namespace handoff
