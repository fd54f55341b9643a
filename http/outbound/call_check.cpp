#include "http/outbound/call_check.hpp"

#include "config/connection.hpp"
#include "http/outbound/curl_handle.hpp"
#include "job/base64.hpp"
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

constexpr byte_set line_breaks{std::string_view{"\r\n\0", 3}};
constexpr byte_set ends_of_authority{"/?#"};
constexpr byte_set plain_bytes{"0123456789.-_:[]"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz"};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char each) { return each < 0x80; });
}

bool is_token(std::string_view text) {
  return !text.empty() && token_bytes.has_all(text);
}

error refused_call(std::string detail) {
  return {error_kind::template_failed, std::move(detail)};
}

using origin_ptr = std::shared_ptr<const call_origin>;

std::string part(const curl_url_parts& url, CURLUPart which,
                 unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url.get(), which, &text, flags) != CURLUE_OK)
    return {};
  const curl_text owner{text};
  return text;
}

curl_url_parts parse(const std::string& url) {
  auto parts = curl_url_parts{curl_url()};
  if (parts != nullptr
      && curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), CURLU_PATH_AS_IS)
           != CURLUE_OK)
    parts.reset();
  return parts;
}

std::string basic_credentials_of(const curl_url_parts& url) {
  const auto user = part(url, CURLUPART_USER, CURLU_URLDECODE);
  const auto password = part(url, CURLUPART_PASSWORD, CURLU_URLDECODE);
  return user.empty() && password.empty()
         ? ""
         : "Basic " + encode_base64(user + ":" + password);
}

result<origin_ptr> origin_of(const curl_url_parts& url) {
  if (url == nullptr)
    return refused_call("the URL is not absolute or not well formed");
  const auto scheme = lower_case(part(url, CURLUPART_SCHEME));
  const auto host = lower_case(part(url, CURLUPART_HOST));
  auto made = std::make_shared<call_origin>();
  made->port = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if ((scheme != "http" && scheme != "https") || host.empty()
      || made->port.empty())
    return refused_call("the URL is neither http nor https");
  made->host = scheme + "://" + host + ":" + made->port;
  const bool has_brackets = host.starts_with('[') && host.ends_with(']');
  made->name = has_brackets ? host.substr(1, host.size() - 2) : host;
  made->ascii_name = made->name;
  if (!is_ascii(host))
    if (auto text = part(url, CURLUPART_HOST, CURLU_PUNYCODE); !text.empty())
      made->ascii_name = std::move(text);
  made->authority = has_brackets ? "[" + made->name + "]" : made->ascii_name;
  if (made->port != (made->is_tls() ? "443" : "80"))
    made->authority += ":" + made->port;
  made->credentials = basic_credentials_of(url);
  return origin_ptr{std::move(made)};
}

/// `path` with what no URI has percent-encoded (RFC 3986, section 2.1).
std::string in_ascii(std::string path) {
  if (is_ascii(path))
    return path;
  std::string encoded;
  for (const auto each : path)
    if (is_ascii({&each, 1}))
      encoded += each;
    else
      encoded += percent_encoded({&each, 1});
  return encoded;
}

std::string path_of(const curl_url_parts& url) {
  auto path = part(url, CURLUPART_PATH);
  if (const auto query = part(url, CURLUPART_QUERY); !query.empty())
    path += "?" + query;
  return in_ascii(std::move(path));
}

/// The same of what follows the authority in a URL.
std::string path_of(std::string_view rest) {
  auto path = std::string{rest.substr(0, rest.find('#'))};
  if (!path.starts_with('/'))
    path.insert(0, "/");
  // An empty query is none, as libcurl has it.
  if (path.find('?') == path.size() - 1)
    path.pop_back();
  return in_ascii(std::move(path));
}

/// What comes before the path of a URL, where that is plain and so all that its
/// host depends on; else nothing: libcurl reads much that is no URL (RFC 3986)
/// in ways of its own.
std::string_view plain_authority(std::string_view url) {
  const auto scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos
      || (!is_same_name(url.substr(0, scheme_end), "http")
          && !is_same_name(url.substr(0, scheme_end), "https")))
    return {};
  const auto begin = scheme_end + 3;
  const auto end = ends_of_authority.find_in(url, begin);
  const auto authority = url.substr(begin, end - begin);
  const bool is_plain = !authority.empty() && plain_bytes.has_all(authority);
  return is_plain ? url.substr(0, end) : std::string_view{};
}

/// Flows name few hosts, for any number of calls: what was found of one is
/// kept, by each thread for itself.
class known_origins {
public:
  origin_ptr find(std::string_view authority) const {
    const auto found = origins_.find(authority);
    return found == origins_.end() ? nullptr : found->second;
  }

  void add(std::string_view authority, origin_ptr origin) {
    if (origins_.size() >= origins_max)
      origins_.clear();
    origins_.emplace(authority, std::move(origin));
  }

private:
  static constexpr std::size_t origins_max = 256;

  std::map<std::string, origin_ptr, std::less<>> origins_;
};

result<call_target> target_of(const std::string& url) {
  // As libcurl does.
  constexpr std::size_t url_bytes_max = 8'000'000;
  auto unfit = [](unsigned char c) {
    return c <= ' ' || c == 0x7f;
  };
  if (url.size() > url_bytes_max)
    return refused_call("the URL is too long");
  if (std::any_of(url.begin(), url.end(), unfit))
    return refused_call("the URL holds a space or a control character");
  thread_local known_origins known;
  const auto authority = plain_authority(url);
  const auto rest = std::string_view{url}.substr(authority.size());
  if (!authority.empty())
    if (auto origin = known.find(authority))
      return call_target{std::move(origin), path_of(rest)};
  const auto parts = parse(url);
  auto origin = origin_of(parts);
  if (auto* failed = std::get_if<error>(&origin))
    return std::move(*failed);
  auto found = std::get<origin_ptr>(std::move(origin));
  if (authority.empty())
    return call_target{std::move(found), path_of(parts)};
  known.add(authority, found);
  return call_target{std::move(found), path_of(rest)};
}

} // namespace

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

bool is_same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool belongs_to_client(std::string_view name) noexcept {
  return std::any_of(
    client_fields.begin(), client_fields.end(),
    [name](std::string_view field) { return is_same_name(field, name); });
}

} // namespace handoff
