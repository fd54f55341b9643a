#include "http/outbound/upstream_link.hpp"

#include "http/outbound/address_policy.hpp"
#include "http/outbound/connect_error.hpp"

#include <algorithm>
#include <cerrno>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace handoff {

namespace {

/// Handles kept for later connections of a profile.
constexpr std::size_t spare_connectors_max = 64;

std::size_t swallow(char*, std::size_t size, std::size_t count,
                    void*) noexcept {
  return size * count;
}

std::string_view reason_of(unsigned long code) {
  const char* text = ERR_reason_error_string(code);
  return text != nullptr ? text : "";
}

/// Whether the error is an alert of the upstream about the certificate of this
/// side (RFC 8446, section 6.2).
bool refuses_certificate(unsigned long code) {
  switch (ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET) {
  case SSL_AD_BAD_CERTIFICATE:
  case SSL_AD_UNSUPPORTED_CERTIFICATE:
  case SSL_AD_CERTIFICATE_REVOKED:
  case SSL_AD_CERTIFICATE_EXPIRED:
  case SSL_AD_CERTIFICATE_UNKNOWN:
  case SSL_AD_UNKNOWN_CA:
  case SSL_AD_ACCESS_DENIED:
  case SSL_AD_CERTIFICATE_REQUIRED:
    return true;
  default:
    return false;
  }
}

} // namespace

/// What libcurl calls.
struct upstream_link::callbacks {
  static curl_socket_t open(void* of, curlsocktype,
                            curl_sockaddr* to) noexcept {
    return static_cast<upstream_link*>(of)->open_socket(*to);
  }

  static int close(void* of, curl_socket_t fd) noexcept {
    return static_cast<upstream_link*>(of)->close_socket(fd);
  }
};

upstream_link::upstream_link(transfer& first, curl_lane& lane,
                             socket_watch& sockets, bool offers_http2,
                             time_point now)
    : lane_{&lane},
      sockets_{sockets},
      tag_{lane.tag()},
      profile_{first.shared_profile()},
      upstream_{first.origin().host},
      name_{first.origin().name},
      is_tls_{first.origin().is_tls()},
      certified_name_{is_tls_ ? first.origin().ascii_name : ""},
      offers_http2_{offers_http2},
      connect_end_{now + profile_->options.connect_timeout},
      place_{first.take_place()},
      curl_says_{std::make_unique<std::array<char, CURL_ERROR_SIZE>>()} {
  curl_says_->front() = '\0';
  auto& spare = profile_->spare;
  if (!spare.empty()) {
    easy_ = std::move(spare.back());
    spare.pop_back();
  }
  begin_to_connect(first);
}

upstream_link::~upstream_link() {
  give_back_handle();
  if (ssl_ != nullptr) {
    // Says good-bye where that can be done at once. Otherwise OpenSSL would
    // take the session for one that must not be resumed.
    ERR_clear_error();
    if (state_ == state::open)
      SSL_shutdown(ssl_.get());
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    ERR_clear_error();
    ssl_.reset();
  }
  if (socket_ != CURL_SOCKET_BAD) {
    sockets_.closed(socket_);
    ::close(socket_);
  }
}

void upstream_link::begin_to_connect(transfer& first) {
  const auto& options = profile_->options;
  if (easy_ == nullptr) {
    easy_.reset(curl_easy_init());
    if (easy_ == nullptr)
      throw std::bad_alloc{};
    auto* easy = easy_.get();
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(easy, CURLOPT_PROXY, options.proxy.c_str());
    curl_easy_setopt(easy, CURLOPT_NOPROXY, options.proxy.empty() ? "*" : "");
    curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(options.connect_timeout.count()));
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &swallow);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &swallow);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &callbacks::open);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &callbacks::close);
  }
  auto* easy = easy_.get();
  // libcurl connects only: what it would say on the connection does not matter.
  const auto url = "http" + upstream_.substr(upstream_.find("://")) + "/";
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  if (const auto line = first.address_line(); !line.empty())
    resolved_.add(line);
  curl_easy_setopt(easy, CURLOPT_RESOLVE, resolved_.get());
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, curl_says_->data());
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, static_cast<void*>(this));
  lane_->add(easy);
}

void upstream_link::give_back_handle() {
  if (easy_ == nullptr)
    return;
  // Closes the connection, unless its socket is ours.
  lane_->remove(easy_.get());
  lane_ = nullptr;
  curl_easy_setopt(easy_.get(), CURLOPT_RESOLVE,
                   static_cast<curl_slist*>(nullptr));
  curl_easy_setopt(easy_.get(), CURLOPT_ERRORBUFFER,
                   static_cast<char*>(nullptr));
  auto& spare = profile_->spare;
  if (spare.size() < spare_connectors_max)
    spare.push_back(std::move(easy_));
  easy_.reset();
  resolved_ = {};
  curl_says_.reset();
}

curl_socket_t upstream_link::open_socket(const curl_sockaddr& to) noexcept {
  const bool accepted =
    profile_->options.private_networks_allowed || is_public(&to.addr);
  (accepted ? address_accepted_ : address_refused_) = true;
  if (!accepted)
    return CURL_SOCKET_BAD;
  const int fd = place_.open(to.family, to.socktype, to.protocol);
  if (fd >= 0)
    sockets_.opened(fd);
  else
    no_descriptor_ = no_descriptor_ || is_want_of_descriptors(errno);
  return fd;
}

int upstream_link::close_socket(curl_socket_t fd) noexcept {
  if (fd == socket_)
    return 0;
  sockets_.closed(fd);
  return ::close(fd);
}

void upstream_link::fail(CURLcode code, long verdict) {
  const std::string says{easy_ != nullptr ? std::string_view{curl_says_->data()}
                                          : reason_of(ERR_peek_last_error())};
  why_not_ = connect_error(code, {easy_.get(), says, verdict, no_descriptor_,
                                  address_refused_, address_accepted_,
                                  !profile_->options.proxy.empty(), &place_});
  state_ = state::failed;
  ERR_clear_error();
}

void upstream_link::connected(CURLcode code, time_point now) {
  if (code != CURLE_OK) {
    fail(code);
    give_back_handle();
    return;
  }
  const char* address = nullptr;
  curl_easy_getinfo(easy_.get(), CURLINFO_PRIMARY_IP, &address);
  address_ = address != nullptr ? address : "";
  curl_easy_getinfo(easy_.get(), CURLINFO_ACTIVESOCKET, &socket_);
  give_back_handle();
  if (socket_ == CURL_SOCKET_BAD) {
    fail(CURLE_COULDNT_CONNECT);
    return;
  }
  place_.give_up();
  if (!is_tls_) {
    opened();
    return;
  }
  ssl_ = profile_->tls.connect(upstream_, certified_name_, offers_http2_, now);
  if (ssl_ == nullptr || SSL_set_fd(ssl_.get(), socket_) != 1) {
    fail(CURLE_SSL_CACERT_BADFILE);
    return;
  }
  state_ = state::shaking_hands;
  shake_hands(now);
}

void upstream_link::shake_hands(time_point) {
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_.get());
  if (returned != 1) {
    const int why = SSL_get_error(ssl_.get(), returned);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
      watch(why == SSL_ERROR_WANT_WRITE);
      return;
    }
    const auto verdict = SSL_get_verify_result(ssl_.get());
    fail(verdict != X509_V_OK ? CURLE_PEER_FAILED_VERIFICATION
                              : CURLE_SSL_CONNECT_ERROR,
         verdict);
    return;
  }
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  speaks_http2_ =
    std::string_view{reinterpret_cast<const char*>(protocol), size} == "h2";
  opened();
}

void upstream_link::opened() {
  state_ = state::open;
  watch(false);
}

void upstream_link::time_out() {
  if (state_ == state::connecting || state_ == state::shaking_hands) {
    fail(CURLE_OPERATION_TIMEDOUT);
    give_back_handle();
  }
}

upstream_link::io upstream_link::outcome_of(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
  case SSL_ERROR_WANT_READ:
  case SSL_ERROR_WANT_WRITE:
    return io::again;
  case SSL_ERROR_ZERO_RETURN:
    return io::ended;
  default:
    if (const auto code = ERR_peek_last_error(); refuses_certificate(code))
      refusal_ = error{error_kind::tls_failed,
                       clause_of(error_kind::tls_failed)
                         + ": it refuses this side's certificate, or that "
                           "there is none ("
                         + std::string{reason_of(code)} + ")"};
    ERR_clear_error();
    state_ = state::failed;
    return io::lost;
  }
}

upstream_link::io upstream_link::outcome_of_socket(ssize_t returned,
                                                   std::size_t& count) {
  if (returned >= 0) {
    count = static_cast<std::size_t>(returned);
    return io::done;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
    return io::again;
  state_ = state::failed;
  return io::lost;
}

upstream_link::io upstream_link::read(char* to, std::size_t size,
                                      std::size_t& count) {
  if (ssl_ == nullptr) {
    const auto what = outcome_of_socket(::recv(socket_, to, size, 0), count);
    return what == io::done && count == 0 ? io::ended : what;
  }
  ERR_clear_error();
  const int returned = SSL_read_ex(ssl_.get(), to, size, &count);
  return returned == 1 ? io::done : outcome_of(returned);
}

upstream_link::io upstream_link::write(std::string_view from,
                                       std::size_t& count) {
  if (ssl_ == nullptr)
    return outcome_of_socket(
      ::send(socket_, from.data(), from.size(), MSG_NOSIGNAL), count);
  ERR_clear_error();
  const int returned =
    SSL_write_ex(ssl_.get(), from.data(), from.size(), &count);
  return returned == 1 ? io::done : outcome_of(returned);
}

bool upstream_link::is_quiet() {
  char byte = 0;
  std::size_t count = 0;
  return state_ == state::open && read(&byte, 1, count) == io::again;
}

void upstream_link::watch(bool output) {
  sockets_.want(socket_, output ? CURL_POLL_INOUT : CURL_POLL_IN, tag_);
}

} // namespace handoff
