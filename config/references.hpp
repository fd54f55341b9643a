#pragma once

#include "config/secret_files.hpp"
#include "config/secrets.hpp"
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

  /// `text` with its references resolved. Of a file one line break at its end
  /// is left out. Error `invalid_request`: a variable is not set, a file cannot
  /// be read, has a NUL in it or is larger than 64 KiB, a reference is not
  /// closed. The error names the reference, never a value.
  result<std::string> resolve(std::string_view text);

  /// What references have given so far, without empty values, and what
  /// `remember` was given; each also as it looks inside a JSON string. They are
  /// called by their references; of several with one value, the first.
  const handoff::secrets& secrets() const noexcept { return secrets_; }

  /// Makes `value` one of the secrets, called `name`.
  void remember(const std::string& value, const std::string& name);

  /// What is odd about values that references gave and that were taken as they
  /// are: a line break, a blank or quotes around them, which nobody means in a
  /// secret. Each names its reference, and nothing of the value.
  const std::vector<std::string>& doubts() const noexcept { return doubts_; }

  /// The files that references have read.
  const secret_files& files() const noexcept { return files_; }

  /// Whether what is remembered from now on is known to journaled jobs, too.
  void journal(bool known) noexcept { journaled_ = known; }

private:
  result<std::string> value_of(std::string_view reference);
  void doubt(std::string_view reference, std::string_view value);

  std::string base_directory_;
  handoff::secrets secrets_;
  bool journaled_ = true;
  std::vector<std::string> doubts_;
  secret_files files_;
};

/// Whether `text` has a reference in it.
bool has_reference(std::string_view text) noexcept;

} // namespace handoff
