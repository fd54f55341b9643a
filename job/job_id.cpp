#include "job/job_id.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/random.h>
#include <system_error>

namespace handoff {
namespace {

constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t id_length = 26;
constexpr std::size_t time_length = 10;

} // namespace

std::string job_id_from(std::chrono::system_clock::time_point now,
                        const job_id_entropy& entropy) {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  auto time = static_cast<std::uint64_t>(
    duration_cast<milliseconds>(now.time_since_epoch()).count());
  std::string id(id_length, '0');
  for (std::size_t at = time_length; at-- > 0; time >>= 5)
    id[at] = alphabet[time & 31];
  // Five bytes are eight digits.
  for (std::size_t half = 0; half < 2; ++half) {
    std::uint64_t bits = 0;
    for (std::size_t byte = 0; byte < 5; ++byte)
      bits = (bits << 8) | entropy[half * 5 + byte];
    for (std::size_t digit = 8; digit-- > 0; bits >>= 5)
      id[time_length + half * 8 + digit] = alphabet[bits & 31];
  }
  return id;
}

std::string make_job_id(std::chrono::system_clock::time_point now) {
  job_id_entropy entropy{};
  // Up to 256 bytes come whole or not at all (getrandom(2)).
  while (::getrandom(entropy.data(), entropy.size(), 0) < 0)
    if (errno != EINTR)
      throw std::system_error{errno, std::generic_category(), "getrandom"};
  return job_id_from(now, entropy);
}

bool is_job_id(std::string_view text) noexcept {
  return text.size() == id_length && text[0] <= '7'
      && std::all_of(text.begin(), text.end(), [](char each) {
           return alphabet.find(each) != std::string_view::npos;
         });
}

std::chrono::system_clock::time_point time_of(std::string_view id) noexcept {
  if (!is_job_id(id))
    return {};
  std::uint64_t ms = 0;
  for (const char each : id.substr(0, time_length))
    ms = (ms << 5) | alphabet.find(each);
  return std::chrono::system_clock::time_point{
    std::chrono::milliseconds{static_cast<std::int64_t>(ms)}};
}

} // namespace handoff
