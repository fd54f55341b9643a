#pragma once

#include "job/error.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// A value that nobody may see.
struct secret {
  std::string value;
  /// What stands for it in a journal: its reference ("env:API_TOKEN"), or where
  /// it stands in the flow ("/callback/secret"). Two have never the same.
  std::string name = {};
  /// Whether a job that was journaled has it, too. What proves a sender is not
  /// journaled with the flow.
  bool journaled = true;

  friend bool operator==(const secret&, const secret&) = default;
};

using secrets = std::vector<secret>;

/// A secret of fewer bytes is not hidden at all: it would garble every text and
/// protect nothing.
inline constexpr std::size_t hidden_bytes_min = 4;
/// One of fewer bytes is hidden only where it stands as a word: neither a
/// letter nor a digit before and after it.
inline constexpr std::size_t hidden_anywhere_bytes_min = 8;

/// Adds to `hidden` what of `more` it does not have.
void hide_also(secrets& hidden, const secrets& more);

/// What people see: every occurrence of a secret is "***", those that overlap
/// together.
std::string masked(const secrets& hidden, std::string text);

/// An upstream's answer as it is journaled: every occurrence of a secret is a
/// reference to it, in names of members, too. Nothing is lost: unsealed() gives
/// the same answer, and no text of an upstream is taken for a reference.
nlohmann::json sealed(const secrets& hidden, nlohmann::json answer);
std::string sealed_text(const secrets& hidden, std::string_view text);

/// What was sealed, with the values that the secrets have now. Error
/// `template_failed`: a secret of that name is not there any more.
result<nlohmann::json> unsealed(const secrets& hidden, nlohmann::json value);
result<std::string> unsealed_text(const secrets& hidden, std::string_view text);

/// Whether something in `value` is sealed, so that there is something to undo.
bool is_sealed(const nlohmann::json& value) noexcept;
bool is_sealed_text(std::string_view text) noexcept;

/// The part of a sealed document that `pointer` points to; null if there is
/// none. Names of members are compared as the upstream sent them.
const nlohmann::json* find_sealed(const secrets& hidden,
                                  const nlohmann::json& document,
                                  const nlohmann::json::json_pointer& pointer);

} // namespace handoff
