#include "http/outbound/connect_error.hpp"

#include <cerrno>
#include <chrono>
#include <openssl/x509.h>

namespace handoff {

namespace {

bool lacks_ports(CURLcode code, const connect_facts& facts) {
  long os_error = 0;
  curl_easy_getinfo(facts.easy, CURLINFO_OS_ERRNO, &os_error);
  return code == CURLE_COULDNT_CONNECT && os_error == EADDRNOTAVAIL;
}

std::string tls_detail_of(CURLcode code, const connect_facts& facts) {
  const auto says = facts.says;
  if (code == CURLE_SSL_CACERT_BADFILE)
    return "the system's certificates of authorities cannot be read";
  if (says.find("protocol version") != std::string_view::npos
      || says.find("unsupported protocol") != std::string_view::npos)
    return "it speaks no version of TLS that is allowed, 1.2 or newer";
  if (says.find("alert") != std::string_view::npos)
    return "it refused the handshake, perhaps for want of a certificate that "
           "it knows ("
         + std::string{says} + ")";
  if (code != CURLE_PEER_FAILED_VERIFICATION)
    return {};
  switch (facts.verdict) {
  case X509_V_OK:
  case X509_V_ERR_UNSPECIFIED: // what libcurl sets before it looks at the name
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    return "its certificate is for another name";
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return "its certificate has expired";
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "its certificate is not valid yet";
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    return "the authority of its certificate is not trusted: add it to "
           "upstream.ca or to the system's";
  default:
    return X509_verify_cert_error_string(facts.verdict);
  }
}

} // namespace

error_kind connect_error_kind(CURLcode code, const connect_facts& facts) {
  // Nobody's failure: the call had its turn, but could not use it.
  if (facts.no_descriptor || lacks_ports(code, facts))
    return error_kind::overloaded;
  double resolved = 0;
  switch (code) {
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_BAD_FUNCTION_ARGUMENT: // the lookup could not be begun
    // It needs descriptors, too, and does not say that it had none.
    return facts.place->are_short(std::chrono::steady_clock::now())
           ? error_kind::overloaded
           : error_kind::name_not_resolved;
  case CURLE_OPERATION_TIMEDOUT:
    // Of names, libcurl looks up a proxy's only.
    curl_easy_getinfo(facts.easy, CURLINFO_NAMELOOKUP_TIME, &resolved);
    return resolved > 0 || !facts.has_proxy || facts.easy == nullptr
           ? error_kind::connect_failed
           : error_kind::name_not_resolved;
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL:
    return error_kind::template_failed;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
    return error_kind::tls_failed;
  case CURLE_OUT_OF_MEMORY:
  case CURLE_FAILED_INIT:
    return error_kind::internal;
  default:
    return facts.address_refused && !facts.address_accepted
           ? error_kind::address_refused
           : error_kind::connect_failed;
  }
}

std::string clause_of(error_kind kind) {
  std::string clause{title(kind)};
  if (clause.starts_with("The "))
    clause[0] = 't';
  return clause;
}

std::string connect_error_detail(CURLcode code, error_kind kind,
                                 const connect_facts& facts) {
  if (kind == error_kind::overloaded)
    return lacks_ports(code, facts) ? "no local port was left for it"
                                    : "no descriptor was left for it";
  long of_proxy = 0;
  if (facts.has_proxy && facts.easy != nullptr)
    curl_easy_getinfo(facts.easy, CURLINFO_HTTP_CONNECTCODE, &of_proxy);
  if (of_proxy >= 300)
    return clause_of(kind) + ": the proxy answered with status "
         + std::to_string(of_proxy);
  if (kind == error_kind::tls_failed)
    if (const auto why = tls_detail_of(code, facts); !why.empty())
      return clause_of(kind) + ": " + why;
  return {};
}

error connect_error(CURLcode code, const connect_facts& facts) {
  const auto kind = connect_error_kind(code, facts);
  auto detail = connect_error_detail(code, kind, facts);
  if (detail.empty())
    detail = clause_of(kind) + " (" + curl_easy_strerror(code) + ")";
  return {kind, std::move(detail)};
}

} // namespace handoff
