#pragma once

#include "job/exchange.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace handoff::test {

/// A webhook as a sender sends it to https://hooks.example/hooks/setup.
struct sender_vector {
  std::string sender;
  std::string secret;
  std::string query = {};
  headers fields = {};
  std::string body;
  /// Seconds since 1970 at which it was sent.
  std::int64_t sent = 0;
  /// Whether another body makes it another request.
  bool covers_body = true;
};

/// At least one for each sender that has a preset.
const std::vector<sender_vector>& sender_vectors();

} // namespace handoff::test
