#pragma once

#include "tools/fake_api/ledger.hpp"
#include "tools/fake_api/message.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fake_api {

/// What the expressions of an answer can speak of: `{{seq}}`, `{{id}}`,
/// `{{path/N}}` (from 0), `{{query/NAME}}`, `{{header/NAME}}`,
/// `{{body/POINTER}}` and `{{made/NAME}}`, the number of the first request
/// whose Idempotency-Key is what the query calls NAME. All that is given is
/// borrowed.
class filler {
public:
  filler(const request& incoming, std::uint64_t seq, const ledger& seen)
      : incoming_{incoming}, seq_{seq}, seen_{seen} {}

  /// A string that is one expression takes the value with its type; what is
  /// missing is null.
  nlohmann::json fill(const nlohmann::json& value);

  /// What is missing is an empty text.
  std::string fill_text(std::string_view text);

private:
  nlohmann::json value_of(std::string_view expression);
  const nlohmann::json& body();

  const request& incoming_;
  std::uint64_t seq_;
  const ledger& seen_;
  std::optional<std::vector<std::string>> segments_;
  std::optional<nlohmann::json> body_;
};

/// Whether a string anywhere in `value` holds an expression.
bool has_expressions(const nlohmann::json& value);

/// What is wrong with the expressions in `text`; none if nothing is.
std::optional<std::string> expression_problem(std::string_view text);

} // namespace fake_api
