#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace handoff {

/// Encrypts texts that others can read where they are stored: AES-256-GCM (NIST
/// SP 800-38D), with a key that HKDF-SHA256 (RFC 5869) derives from a secret.
/// The name of a text is authenticated: a text that was sealed under one name
/// does not open under another.
class sealer {
public:
  /// `secret` has to be long and random: it is not stretched.
  explicit sealer(std::string_view secret);

  /// Another text each time. Throws `std::runtime_error` where there are no
  /// random numbers.
  std::string seal(std::string_view text, std::string_view name) const;

  /// None: it was sealed with another secret or under another name, or is
  /// damaged.
  std::optional<std::string> open(std::string_view sealed,
                                  std::string_view name) const;

private:
  std::string key_;
};

} // namespace handoff
