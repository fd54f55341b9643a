#pragma once

#include "actors/responder.hpp"
#include "config/flow.hpp"
#include "job/webhook.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Bytes of an answer, headers included, that anybody may ask for.
inline constexpr std::size_t unverified_answer_bytes_max = 4'096;

/// What a request was answered that a rule of the flow fits.
struct handshake_answer {
  handoff::reply reply;
  /// What the operator is to see of it.
  std::optional<std::string> shown;
};

enum class handshake_kind { any, verified, unverified };

/// Whether the flow has a rule of this kind for this method.
bool has_handshake(const flow& definition, std::string_view method,
                   handshake_kind kind = handshake_kind::any);

/// The answer of the first rule that fits; none if none does. Rules that need
/// the signature fit only where it is `verified`. `document` is the body, or
/// null. Error `invalid_request`: the answer cannot be rendered, or is too long
/// for anybody to ask for.
result<std::optional<handshake_answer>>
handshake(const flow& definition, std::string_view method, const webhook& hook,
          const nlohmann::json& document, bool verified);

/// The answer to a webhook that the flow does not want; none if it does.
std::optional<reply> ignored_reply(const flow& definition, const webhook& hook,
                                   const nlohmann::json& document);

/// The methods that the flow's path answers, for `Allow`.
std::string allowed_methods(const flow& definition);

} // namespace handoff
