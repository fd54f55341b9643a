#pragma once

#include "http/outbound/outbound_client.hpp"
#include "tools/handoff/arguments.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace handoff {

/// The two addresses of a service.
enum class service_side { ingress, admin };

/// Where the service is, without a slash at the end: what `--url` says, else
/// the INI (`--config-file`, or the defaults) and its overrides. None if the
/// INI is wrong; `failed` says how.
std::optional<std::string> service_url(const arguments& given,
                                       service_side side, std::string& failed);

/// What the admin side is asked with: the token of HANDOFF_ADMIN_TOKEN, or
/// nothing where that is not set.
headers admin_credentials();

/// What the service answered, as JSON; discarded if it is none, or nests deeper
/// or has more in it than the service ever answers.
nlohmann::json service_document(std::string_view body);

/// Why the service at `url` gave no answer, as a sentence about the service.
std::string no_answer(const std::string& url, const error& why);

/// Makes the calls of a command, one after the other.
class service_client {
public:
  service_client();

  /// Waits until the call has ended: `patience + timeout` at most.
  exchange call(outbound_call wanted);

private:
  outbound_client outbound_;
};

} // namespace handoff
