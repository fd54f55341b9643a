#pragma once

#include "job/event.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace handoff {

/// A piece of work in a distributed trace, as OpenTelemetry has it.
struct span {
  enum class span_kind { server = 2, client = 3 };

  std::string trace_id;
  std::string span_id;
  std::string parent_id; ///< empty: none that is known
  std::string name;
  span_kind kind = span_kind::client;
  wall_time start;
  wall_time end;
  std::string job;
  std::string flow;
  std::string step;          ///< empty: of the webhook
  std::string upstream;      ///< empty: of the webhook, or not known
  int http_status = 0;       ///< 0: no answer
  std::uint32_t attempt = 0; ///< 0: of the webhook, or no attempt
  std::uint32_t inquiry = 0; ///< which of its name it is; 0: none
  std::string failure;       ///< empty: it succeeded
};

/// Of the inquiries of one name of a clone or a step, the first so many have
/// spans; of the others the one that ended it.
inline constexpr std::uint32_t inquiry_spans_max = 20;

/// The span of a call beside the attempts of `record`; none beyond
/// `inquiry_spans_max`.
std::optional<span> span_of(const job& record, const step_inquiry& asked);

/// Makes spans of events: one for the webhook, from its arrival to its answer,
/// and one for each attempt, whose parent it is. The parent of the webhook's is
/// the span that its sender named. Used by one thread.
class span_maker {
public:
  /// Webhooks that wait for their answer and are remembered; the others have no
  /// span of their own.
  static constexpr std::size_t waiting_max = 20'000;

  /// The spans that end with this event: one at the most.
  std::vector<span> spans_of(const job_event& event);

private:
  struct arrival {
    wall_time received;
    std::string parent_id; ///< the sender's span; empty: none
  };

  static arrival arrival_of(const webhook& hook);

  std::map<std::string, arrival, std::less<>> waiting_;
};

/// An ExportTraceServiceRequest of OTLP 1.x in JSON.
nlohmann::json otlp_document(const std::vector<span>& spans);

} // namespace handoff
