#pragma once

#include "job/error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// A member of a body that is itself an encoded document.
struct body_decoding {
  nlohmann::json::json_pointer at;
  bool base64 = false; ///< base64 of JSON, else JSON as text

  friend bool operator==(const body_decoding&, const body_decoding&) = default;
};

/// How the bytes of a body become JSON.
struct body_format {
  bool is_form = false; ///< application/x-www-form-urlencoded, else JSON
  /// In this order; a member that is missing is left alone.
  std::vector<body_decoding> decode;

  friend bool operator==(const body_format&, const body_format&) = default;
};

/// The bytes of a webhook's body, as they came but for their content coding.
/// Immutable, and shared by all copies: the text is the smallest form of a
/// body, a tree of values takes up to fifty times as much.
class webhook_body {
public:
  webhook_body() = default;

  explicit webhook_body(std::string bytes, body_format format = {});

  /// The body that is this value.
  static webhook_body of(const nlohmann::json& value);

  std::string_view bytes() const noexcept;
  const body_format& format() const noexcept;

  /// The body as JSON. Error `invalid_request` says what is wrong, and where.
  /// A form becomes an object of texts, with an array for a name that appears
  /// several times.
  result<nlohmann::json> read() const;

private:
  struct contents {
    std::string bytes;
    body_format format;
  };

  std::shared_ptr<const contents> contents_;
};

/// The parts of `document` that `pointers` point to, at the same places. What
/// nobody points to is left out; arrays become objects whose members are
/// called by their indices, which pointers do not tell apart.
nlohmann::json
selected_parts(const nlohmann::json& document,
               const std::vector<nlohmann::json::json_pointer>& pointers);

/// About how many bytes of memory a value takes; counting ends beyond `most`.
std::size_t memory_of(const nlohmann::json& value, std::size_t most);

} // namespace handoff
