#include "job/trace.hpp"

#include "job/text.hpp"

#include <algorithm>
#include <cstdint>
#include <random>

namespace handoff {
namespace {

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char each) {
    return (each >= '0' && each <= '9') || (each >= 'a' && each <= 'f');
  });
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

// Ids of traces need to be unlikely to meet, not hard to guess (section 3.2.3).
std::uint64_t draw() {
  thread_local std::mt19937_64 engine{[] {
    std::random_device entropy;
    std::seed_seq seed{entropy(), entropy(), entropy(), entropy()};
    return std::mt19937_64{seed};
  }()};
  std::uint64_t drawn = 0;
  while (drawn == 0)
    drawn = engine();
  return drawn;
}

std::string hex(std::uint64_t bits) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, bits >>= 4)
    *at = digits[bits & 15];
  return text;
}

/// A key and a value (section 3.3.1.3); of the key, only what can do harm is
/// looked at.
bool is_list_member(std::string_view text) {
  const auto equals = text.find('=');
  return equals != std::string_view::npos && equals > 0 && equals <= 256
      && equals + 1 < text.size() && text.size() - equals - 1 <= 256
      && std::all_of(text.begin(), text.end(),
                     [](char each) { return each >= ' ' && each <= '~'; })
      && text.find('=', equals + 1) == std::string_view::npos
      && text.substr(0, equals).find(' ') == std::string_view::npos;
}

/// The members of all fields as one; empty if any is malformed.
std::string passed_on(const std::vector<std::string_view>& fields) {
  constexpr std::size_t members_max = 32;
  std::string state;
  std::size_t members = 0;
  bool is_full = false;
  for (auto rest : fields)
    for (bool is_last = false; !is_last;) {
      const auto comma = rest.find(',');
      is_last = comma == std::string_view::npos;
      const auto member = trimmed(rest.substr(0, comma));
      if (!is_last)
        rest.remove_prefix(comma + 1);
      if (member.empty())
        continue;
      if (!is_list_member(member) || ++members > members_max)
        return {};
      is_full =
        is_full || state.size() + 1 + member.size() > tracestate_bytes_max;
      if (!is_full)
        state += (state.empty() ? "" : ",") + std::string{member};
    }
  return state;
}

/// version "-" trace-id "-" parent-id "-" flags; a later version may say more.
bool is_well_formed(std::string_view text) {
  return text.size() >= 55 && text[2] == '-' && text[35] == '-'
      && text[52] == '-' && is_hex(text.substr(0, 2))
      && text.substr(0, 2) != "ff" && is_hex(text.substr(3, 32))
      && !is_zero(text.substr(3, 32)) && is_hex(text.substr(36, 16))
      && !is_zero(text.substr(36, 16)) && is_hex(text.substr(53, 2))
      && (text.size() == 55 || (text.substr(0, 2) != "00" && text[55] == '-'));
}

} // namespace

trace_context continue_trace(std::string_view traceparent,
                             const std::vector<std::string_view>& tracestate) {
  if (!is_well_formed(traceparent))
    return {hex(draw()) + hex(draw()), "01", {}};
  return {std::string{traceparent.substr(3, 32)},
          std::string{traceparent.substr(53, 2)}, passed_on(tracestate)};
}

std::string parent_span_of(std::string_view traceparent) {
  return std::string{is_well_formed(traceparent) ? traceparent.substr(36, 16)
                                                 : ""};
}

std::string span_id_of(std::string_view job, std::string_view step,
                       std::chrono::system_clock::time_point began) {
  using std::chrono::milliseconds;
  // As a journal keeps it.
  const auto when =
    std::chrono::floor<milliseconds>(began.time_since_epoch()).count();
  return span_id_of(job, std::string{step} + '@' + std::to_string(when), 0u);
}

std::string span_id_of(std::string_view job, std::string_view step,
                       std::uint32_t attempt) {
  // FNV-1a, with the end of MurmurHash3 behind it: attempts of a job differ in
  // their last byte only.
  std::uint64_t bits = 14'695'981'039'346'656'037u;
  const auto take = [&](std::string_view text) {
    for (const char each : text) {
      bits ^= static_cast<unsigned char>(each);
      bits *= 1'099'511'628'211u;
    }
  };
  take(job);
  take(".");
  take(step);
  take("#");
  take(std::to_string(attempt));
  bits ^= bits >> 33;
  bits *= 0xff51'afd7'ed55'8ccdu;
  bits ^= bits >> 33;
  bits *= 0xc4ce'b9fe'1a85'ec53u;
  bits ^= bits >> 33;
  return hex(bits == 0 ? 1 : bits);
}

std::string make_traceparent(const trace_context& trace,
                             std::string_view span_id) {
  std::string parent;
  parent.reserve(6 + trace.trace_id.size() + span_id.size()
                 + trace.flags.size());
  parent.append("00-").append(trace.trace_id).append("-");
  return parent.append(span_id).append("-").append(trace.flags);
}

} // namespace handoff
