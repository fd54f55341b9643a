#pragma once

#include "config/flow.hpp"
#include "http/front_door/front_door.hpp"
#include "job/webhook_body.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>

namespace handoff {

/// A webhook whose body has been read.
struct read_webhook {
  webhook_body body;
  nlohmann::json document;
};

/// Whether `input` takes a body with these fields for a form.
bool is_read_as_form(const input_rule& input, const headers& fields);

/// Takes the content coding off `body`, the bytes of a request with these
/// fields, and reads it as the flow's `input` says. Where the flow's `verify`
/// covers forms, of equal fields one is left: they were signed as one.
///
/// Error `payload_too_large`: it has more than `bytes_max` bytes once it is
/// decoded. Error `invalid_request`: it is not what `input` says.
result<read_webhook> read_body(std::string body, const headers& fields,
                               const flow& definition, std::size_t bytes_max);

/// Bytes of memory that the head of a request takes.
std::size_t head_bytes(const http_request& request);

} // namespace handoff
