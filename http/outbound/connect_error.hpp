#pragma once

#include "http/front_door/descriptors.hpp"
#include "job/error.hpp"

#include <curl/curl.h>

#include <string>
#include <string_view>

namespace handoff {

/// What is known, beside libcurl's code, of a call of which nothing was sent.
struct connect_facts {
  CURL* easy;                   ///< null: libcurl had done its part, to connect
  std::string_view says;        ///< what libcurl or OpenSSL wrote of it
  long verdict = 0;             ///< on the certificate (X509_V_*)
  bool no_descriptor = false;   ///< for at least one socket
  bool address_refused = false; ///< at least one, by policy
  bool address_accepted = false; ///< at least one
  bool has_proxy = false;
  const socket_place* place; ///< the call's
};

/// The title of a kind as a part of a sentence: "the upstream could not be
/// reached".
std::string clause_of(error_kind kind);

/// Why nothing was sent.
error_kind connect_error_kind(CURLcode code, const connect_facts& facts);

/// The same in words that say what is wrong and hold nothing of the call; empty
/// if there is no more to say than the kind's title and the code.
std::string connect_error_detail(CURLcode code, error_kind kind,
                                 const connect_facts& facts);

/// Both. Where nothing else is known, libcurl's words for the code are added,
/// which are fixed.
error connect_error(CURLcode code, const connect_facts& facts);

} // namespace handoff
