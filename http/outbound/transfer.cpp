#include "http/outbound/transfer.hpp"

#include "http/outbound/address_policy.hpp"
#include "job/text.hpp"
#include "job/token.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <type_traits>
#include <unistd.h>
#include <utility>

namespace handoff {

namespace {

/// Idle connections of this age are not used again (seconds, whole ones: less
/// than one more). Below the 5 s after which common servers close an idle
/// connection, so that this side seldom writes into one that is being closed.
constexpr long idle_seconds_max = 3;

/// What libcurl keeps for each transfer in flight; bodies are small here, and
/// its defaults of 16 and 64 KiB would cost 800 MiB for ten thousand.
constexpr long receive_buffer = 8 * 1024;
constexpr long upload_buffer = 16 * 1024;

/// No libcurl asks for permission to send a body of this size (7.88 does from
/// 1 MiB on), and each field that it is given it compares with a dozen names.
constexpr std::size_t body_bytes_without_expect = 1'024;

int on_request(void* self, char*, char*, int, int) noexcept {
  return static_cast<transfer*>(self)->about_to_send() ? CURL_PREREQFUNC_OK
                                                       : CURL_PREREQFUNC_ABORT;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count,
                      void* self) noexcept {
  auto line = std::string_view{data, size * count};
  return static_cast<transfer*>(self)->header_line(line) ? line.size() : 0;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count,
                    void* self) noexcept {
  auto piece = std::string_view{data, size * count};
  // A piece of size 0 is no reason to abort, hence not the header's way.
  if (!static_cast<transfer*>(self)->body_piece(piece))
    return CURL_WRITEFUNC_ERROR;
  return piece.size();
}

curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* to) noexcept {
  return static_cast<transfer*>(self)->open_socket(*to);
}

CURLcode on_tls(CURL*, void* context, void* trusted) noexcept {
  const bool given = static_cast<trust_store*>(trusted)->give_to(
    static_cast<SSL_CTX*>(context), std::chrono::steady_clock::now());
  return given ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
}

int on_close(void* sockets, curl_socket_t fd) noexcept {
  static_cast<socket_watch*>(sockets)->closed(fd);
  return ::close(fd);
}

template <class T>
void set_option(CURLcode& so_far, CURL* easy, CURLoption option, T value) {
  static_assert(
    !std::is_integral_v<
      T> || std::is_same_v<T, long> || std::is_same_v<T, curl_off_t>,
    "libcurl reads a long; anything shorter is undefined");
  if (so_far == CURLE_OK)
    so_far = curl_easy_setopt(easy, option, value);
}

} // namespace

transfer::transfer(outbound_call_ptr call, call_target to,
                   outbound_client::completion done,
                   std::shared_ptr<call_profile> profile)
    : call_{std::move(call)},
      turn_{dynamic_cast<governed_turn*>(call_->turn.get())},
      target_{std::move(to)},
      done_{std::move(done)},
      profile_{std::move(profile)},
      options_{profile_->options} {}

template <class T>
void transfer::set(CURLoption option, T value) {
  set_option(prepared_, easy_.get(), option, value);
}

CURLcode transfer::configure(CURL* easy, call_profile& profile, CURLSH* share,
                             socket_watch& sockets) {
  const auto& options = profile.options;
  auto code = CURLE_OK;
  const auto set = [&](CURLoption option, auto value) {
    set_option(code, easy, option, value);
  };
  set(CURLOPT_SHARE, share);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_PROXY, options.proxy.c_str());
  set(CURLOPT_NOPROXY, options.proxy.empty() ? "*" : "");
  set(CURLOPT_HTTPPROXYTUNNEL, 1L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  // Read from no file by libcurl, which would do so for each connection.
  set(CURLOPT_CAINFO, static_cast<const char*>(nullptr));
  set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  // libcurl would keep the store of the first connection, whatever a later one
  // trusts: it sets up its own after `on_tls`.
  set(CURLOPT_CA_CACHE_TIMEOUT, 0L);
  set(CURLOPT_SSL_CTX_FUNCTION, &on_tls);
  set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(&profile.trusted));
  const auto set_text = [&](CURLoption option, const std::string& pem) {
    curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
    if (!pem.empty())
      set(option, &blob);
  };
  set_text(CURLOPT_SSLCERT_BLOB, options.certificate);
  set_text(CURLOPT_SSLKEY_BLOB, options.key);
  // Through a proxy, libcurl itself has to tell network connections apart, and
  // what it compares is this.
  if (profile.id != 0 && !options.proxy.empty())
    set_text(CURLOPT_CAINFO_BLOB, options.ca);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // Not asked for, but understood: an upstream may send so all the same (RFC
  // 9110, section 12.5.3).
  set(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  set(CURLOPT_NOSIGNAL, 1L);
  // Without it, a call that ends while its name is being resolved blocks this
  // thread, and so all calls, until getaddrinfo comes back.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_BUFFERSIZE, receive_buffer);
  set(CURLOPT_UPLOAD_BUFFERSIZE, upload_buffer);
  set(CURLOPT_MAXAGE_CONN, idle_seconds_max);
  set(CURLOPT_PREREQFUNCTION, &on_request);
  set(CURLOPT_HEADERFUNCTION, &on_header);
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_OPENSOCKETFUNCTION, &on_open);
  // A connection may outlive the call that opened it.
  set(CURLOPT_CLOSESOCKETFUNCTION, &on_close);
  set(CURLOPT_CLOSESOCKETDATA, static_cast<void*>(&sockets));
  return code;
}

CURLcode transfer::prepare(curl_easy easy, socket_watch& sockets,
                           time_point now) {
  easy_ = std::move(easy);
  sockets_ = &sockets;
  started_ = now;
  if (turn_ != nullptr)
    place_ = turn_->take_place();
  // All that another call may have set is set, so that nothing of it is left.
  if (target_.url == nullptr)
    prepared_ = CURLE_URL_MALFORMAT;
  // Of both, libcurl takes the one that is parsed; without the text, it would
  // make one of the parts.
  set(CURLOPT_URL, call_->url.c_str());
  set(CURLOPT_CURLU, target_.url.get());
  set(CURLOPT_RESOLVE, resolved_.get());
  set(CURLOPT_CONNECT_TO, connect_to_.get());
  set(CURLOPT_ERRORBUFFER, curl_says_.data());
  set_message();
  set_connection();
  for (const auto data : {CURLOPT_PREREQDATA, CURLOPT_HEADERDATA,
                          CURLOPT_WRITEDATA, CURLOPT_OPENSOCKETDATA})
    set(data, static_cast<void*>(this));
  return prepared_;
}

void transfer::collect_headers() {
  // libcurl writes what it makes of CURLOPT_USERAGENT twice, letter by letter.
  if (find_header(call_->headers, "User-Agent") == nullptr)
    request_headers_.add("User-Agent: " + options_.user_agent);
  std::string line;
  for (const auto& [name, value] : call_->headers) {
    if (belongs_to_client(name))
      continue;
    const auto text = trimmed(value);
    line = name;
    // "Name:" would tell libcurl to leave the field out; "Name;" sends it
    // empty.
    if (text.empty())
      line += ';';
    else
      line.append(": ").append(text);
    request_headers_.add(line);
  }
  // libcurl's own ideas: a form's content type, and asking for permission to
  // send a large body, which costs a round trip or a second.
  if (find_header(call_->headers, "Content-Type") == nullptr)
    request_headers_.add("Content-Type:");
  if (find_header(call_->headers, "Accept-Encoding") == nullptr)
    request_headers_.add("Accept-Encoding:");
  if (call_->body.size() > body_bytes_without_expect)
    request_headers_.add("Expect:");
}

void transfer::set_message() {
  collect_headers();
  set(CURLOPT_HTTPHEADER, request_headers_.get());
  const bool is_head = call_->method == "HEAD";
  set(CURLOPT_NOBODY, is_head ? 1L : 0L);
  set(CURLOPT_CUSTOMREQUEST, is_head ? nullptr : call_->method.c_str());
  if (is_head)
    return;
  auto with_body = !call_->body.empty() || call_->method == "POST"
                || call_->method == "PUT" || call_->method == "PATCH";
  if (with_body) {
    // An empty body of these methods is announced as such (RFC 9110, section
    // 8.6).
    set(CURLOPT_POSTFIELDSIZE_LARGE,
        static_cast<curl_off_t>(call_->body.size()));
    set(CURLOPT_POSTFIELDS, call_->body.c_str());
  } else {
    set(CURLOPT_HTTPGET, 1L);
  }
}

void transfer::set_connection() {
  // 0 would be for ever.
  set(CURLOPT_TIMEOUT_MS,
      std::max(1L, static_cast<long>(call_->timeout.count())));
  // A request that went into a connection which was reused and which then ends
  // without an answer is sent again by libcurl (up to five times), whatever
  // its method: it takes the connection for one that had been closed while
  // idle, and cannot know that the upstream did not act on the request.
  // `about_to_send` stops that, for every call; the call then ends as lost,
  // after sending. So that a clone, which must not be repeated blindly, does
  // not come to that because of a server that closes idle connections, it has
  // a connection of its own. Over TLS, sub-actions, which may be repeated, are
  // repeated by libcurl. HTTP/2 is for `http2_links`, where it can be told what
  // an upstream has not processed.
  const bool is_clone = call_->purpose == call_class::clone;
  may_repeat_ = !is_clone && target_.is_tls();
  // Through a proxy, libcurl tells apart what is trusted and shown, but not
  // which addresses are allowed.
  const bool is_alone = is_clone
                     || (profile_->id != 0 && !options_.proxy.empty()
                         && !options_.private_networks_allowed);
  set(CURLOPT_FRESH_CONNECT, is_alone ? 1L : 0L);
  set(CURLOPT_FORBID_REUSE, is_alone ? 1L : 0L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
}

void transfer::connect_to(const std::vector<std::string>& addresses,
                          std::uint64_t generation) {
  generation_ = generation;
  // The name that the addresses are kept under. libcurl looks up no other, and
  // uses a connection again only for calls that go to the same.
  const auto name =
    generation == 0 ? target_.name() : "g" + std::to_string(generation);
  const auto is_ipv6 = [](const std::string& text) {
    return text.find(':') != std::string::npos;
  };
  // libcurl gives each family one line of attempts, the second 200 ms after the
  // first (RFC 8305), and within a line waits for half of what is left of the
  // connect-timeout. So that one of several IPv4 addresses which is dead costs
  // no more than that either, those after the first are written as IPv6 (RFC
  // 4291, section 2.5.5.2), which the kernel connects as what they are.
  const bool are_all_ipv4 =
    std::none_of(addresses.begin(), addresses.end(), is_ipv6);
  for (const auto& each : addresses) {
    if (&each == &addresses.front())
      addresses_ += is_ipv6(each) ? "[" + each + "]" : each;
    else if (are_all_ipv4)
      addresses_ += ",[::ffff:" + each + "]";
    else
      addresses_ += is_ipv6(each) ? ",[" + each + "]" : "," + each;
  }
  resolved_.add("+" + name + ":" + target_.port() + ":" + addresses_);
  if (generation != 0)
    connect_to_.add("::" + name + ":");
}

std::string transfer::address_line() const {
  return addresses_.empty()
         ? ""
         : "+" + target_.name() + ":" + target_.port() + ":" + addresses_;
}

bool transfer::is_for_tls_link() const {
  if (!target_.is_tls() || target_.url == nullptr)
    return false;
  char* user = nullptr;
  const auto code = curl_url_get(target_.url.get(), CURLUPART_USER, &user, 0);
  const curl_text owner{user};
  return code != CURLUE_OK;
}

socket_place transfer::take_place() {
  return turn_ != nullptr ? turn_->take_place() : socket_place{};
}

std::string transfer::new_address() const {
  long opened = 0;
  const char* address = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_NUM_CONNECTS, &opened);
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_IP, &address);
  return opened > 0 && address != nullptr ? address : "";
}

bool transfer::about_to_send() noexcept {
  // libcurl comes here once the connection stands (with TLS: once it is
  // trusted), before the first byte of each request that it writes. A process
  // may have been stopped since the call had its turn.
  const bool may_call = !options_.may_call || options_.may_call();
  held_back_ = !sent_ && !may_call;
  if (held_back_)
    return false;
  repeat_ = sent_ && !(may_repeat_ && may_call);
  sent_ = true;
  // A connection that is used again needed none.
  place_.give_up();
  return !repeat_;
}

curl_socket_t transfer::open_socket(const curl_sockaddr& to) noexcept {
  if (!may_connect(&to.addr))
    return CURL_SOCKET_BAD;
  const int fd = place_.open(to.family, to.socktype, to.protocol);
  if (fd >= 0)
    sockets_->opened(fd);
  else
    no_descriptor_ = no_descriptor_ || is_want_of_descriptors(errno);
  return fd;
}

bool transfer::may_connect(const sockaddr* address) noexcept {
  auto accepted = options_.private_networks_allowed || is_public(address);
  (accepted ? address_accepted_ : address_refused_) = true;
  return accepted;
}

bool transfer::header_line(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > options_.max_answer_headers) {
    too_large_ = true;
    return false;
  }
  // What follows the final header are trailers, which must not be taken for
  // headers (RFC 9110, section 6.5.1).
  if (answered_)
    return true;
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r'))
    line.remove_suffix(1);
  if (line.empty())
    return header_complete();
  auto colon = line.find(':');
  // The status line, and what no field looks like.
  if (colon == std::string_view::npos || line.starts_with("HTTP/"))
    return true;
  answer_headers_.push_back({std::string{line.substr(0, colon)},
                             std::string{trimmed(line.substr(colon + 1))}});
  return true;
}

bool transfer::header_complete() {
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) {
    answer_headers_.clear();
    return true;
  }
  answered_ = true;
  const auto* length = find_header(answer_headers_, "Content-Length");
  if (length == nullptr || call_->method == "HEAD" || status == 304)
    return true;
  std::size_t bytes = 0;
  auto [end, failed] =
    std::from_chars(length->data(), length->data() + length->size(), bytes);
  too_large_ = failed == std::errc::result_out_of_range
            || (failed == std::errc{} && bytes > options_.max_answer);
  return !too_large_;
}

bool transfer::body_piece(std::string_view piece) {
  if (piece.size() > options_.max_answer - answer_body_.size()) {
    too_large_ = true;
    return false;
  }
  answer_body_ += piece;
  return true;
}

connect_facts transfer::facts() const {
  long verdict = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_SSL_VERIFYRESULT, &verdict);
  return {easy_.get(),
          curl_says_.data(),
          verdict,
          no_descriptor_,
          address_refused_,
          address_accepted_,
          !options_.proxy.empty(),
          &place_};
}

std::string transfer::detail_of(CURLcode code, error_kind kind) const {
  if (held_back_)
    return held_back_detail;
  if (auto known = connect_error_detail(code, kind, facts()); !known.empty())
    return known;
  auto detail = clause_of(kind);
  // libcurl's own words for the code, which are fixed; what it writes of a
  // particular call may hold a path of this machine.
  if (code != CURLE_OK && !too_large_ && !repeat_)
    detail += std::string{" ("} + curl_easy_strerror(code) + ")";
  return detail;
}

error_kind transfer::kind_of(CURLcode code) const {
  if (too_large_)
    return error_kind::answer_too_large;
  if (held_back_)
    return error_kind::overloaded;
  if (!sent_)
    return connect_error_kind(code, facts());
  switch (code) {
  case CURLE_OK: // an end where there should be more
    return error_kind::connection_lost;
  case CURLE_OPERATION_TIMEDOUT:
    return error_kind::attempt_timed_out;
  case CURLE_WEIRD_SERVER_REPLY:
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_UNSUPPORTED_PROTOCOL: // does not begin as HTTP/1 does
    return error_kind::answer_malformed;
  case CURLE_OUT_OF_MEMORY: // a header line beyond libcurl's own limit
    return error_kind::answer_too_large;
  default:
    return error_kind::connection_lost;
  }
}

exchange transfer::ended(time_point now) const {
  exchange done;
  done.sent = sent_;
  if (easy_ != nullptr)
    done.duration =
      std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
  return done;
}

exchange transfer::finish(CURLcode code, time_point now) {
  auto done = ended(now);
  if (code == CURLE_OK && answered_) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    done.status = static_cast<int>(status);
    done.headers = std::move(answer_headers_);
    done.body = std::move(answer_body_);
    return done;
  }
  const auto kind = kind_of(code);
  done.failure = error{kind, detail_of(code, kind)};
  return done;
}

exchange transfer::not_resolved(time_point now) {
  if (turn_ != nullptr)
    place_ = turn_->take_place();
  // A lookup needs descriptors, too, and does not say that it had none.
  if (place_.are_short(now))
    return give_up(error_kind::overloaded, "no descriptor was left for it",
                   now);
  return give_up(error_kind::name_not_resolved,
                 clause_of(error_kind::name_not_resolved), now);
}

exchange transfer::give_up(error_kind kind, std::string detail,
                           time_point now) {
  auto done = ended(now);
  done.failure = error{kind, std::move(detail)};
  return done;
}

void transfer::tell(exchange done) {
  place_.give_up();
  done.token = token_number_;
  if (token_number_ != 0)
    hide_token(done, token_);
  if (turn_ != nullptr)
    turn_->finished(outcome_of(done));
  if (done_)
    std::exchange(done_, nullptr)(std::move(done));
}

} // namespace handoff
