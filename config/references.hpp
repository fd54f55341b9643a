#pragma once

#include "job/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace handoff {

/// Resolves `${env:NAME}` and `${file:PATH}`, wherever they stand in a string,
/// and remembers what they gave. Other text with `${` in it is left alone, but
/// for another word and a colon after it, which is refused as a misspelling.
class reference_resolver {
public:
  /// Paths that are not absolute are relative to `base_directory`; empty is
  /// the working directory.
  explicit reference_resolver(std::string base_directory)
      : base_directory_(std::move(base_directory)) {}

  /// `text` with its references resolved. Of a file one newline at its end is
  /// left out. Error `invalid_request`: a variable is not set, a file cannot be
  /// read, has a NUL in it or is larger than 64 KiB, a reference is not closed.
  /// The error names the reference, never a value.
  result<std::string> resolve(std::string_view text);

  /// What references have given so far, without empty values, and what
  /// `remember` was given; each also as it looks inside a JSON string.
  const std::vector<std::string>& secrets() const noexcept { return secrets_; }

  /// Makes `value` one of the secrets.
  void remember(const std::string& value);

private:
  result<std::string> value_of(std::string_view reference);

  std::string base_directory_;
  std::vector<std::string> secrets_;
};

/// Whether `text` has a reference in it.
bool has_reference(std::string_view text) noexcept;

} // namespace handoff
