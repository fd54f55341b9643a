#include "http/outbound/call_answer.hpp"

#include "http/ingress/content_coding.hpp"
#include "http/outbound/connect_error.hpp"

#include <utility>
#include <variant>

namespace handoff {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

} // namespace

bool call_answer::count_field(std::size_t bytes, const transfer& of) noexcept {
  field_bytes += bytes;
  return field_bytes <= of.options().max_answer_headers;
}

bool call_answer::add_body(std::string_view piece, const transfer& of) {
  if (piece.size() > of.options().max_answer - body.size())
    return false;
  body += piece;
  return true;
}

exchange call_answer::whole(const transfer& of, time_point since,
                            time_point now) {
  auto decoded =
    decoded_answer(std::move(body), fields, of.options().max_answer);
  if (const auto* wrong = std::get_if<error>(&decoded)) {
    const auto kind = wrong->kind == error_kind::payload_too_large
                      ? error_kind::answer_too_large
                      : error_kind::answer_malformed;
    return without_answer(kind, clause_of(kind) + " (" + wrong->detail + ")",
                          true, since, now);
  }
  exchange done;
  done.sent = true;
  done.duration = duration_cast<milliseconds>(now - since);
  done.status = status;
  done.headers = std::move(fields);
  done.body = std::move(std::get<std::string>(decoded));
  return done;
}

exchange without_answer(error_kind kind, std::string detail, bool sent,
                        std::chrono::steady_clock::time_point since,
                        std::chrono::steady_clock::time_point now) {
  exchange done;
  done.sent = sent;
  if (sent)
    done.duration = duration_cast<milliseconds>(now - since);
  done.failure = error{kind, std::move(detail)};
  return done;
}

} // namespace handoff
