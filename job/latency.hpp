#pragma once

#include <chrono>
#include <optional>

namespace handoff {

/// How long calls of one kind take, from when they were sent to their answer:
/// a mean and a mean deviation that forget exponentially, with the gains of
/// TCP's round-trip timer (RFC 6298, section 2): an eighth and a quarter.
class latency_estimate {
public:
  using microseconds = std::chrono::microseconds;

  /// A call was answered after `latency`.
  void observe(microseconds latency);

  /// A call was given up after `latency` without an answer. It would have taken
  /// longer, which says something only where less was expected.
  void observe_at_least(microseconds latency);

  /// What a call takes on average; nothing as long as none was observed.
  std::optional<microseconds> mean() const;

  /// What few calls undercut: the mean less the mean deviation (a normal
  /// distribution has a fifth below that). One observation alone gives half of
  /// it, so that little knowledge decides little. Zero when nothing is known.
  microseconds at_least() const;

private:
  bool known_ = false;
  microseconds mean_{0};
  microseconds deviation_{0};
};

} // namespace handoff
