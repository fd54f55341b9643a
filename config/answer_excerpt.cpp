#include "config/answer_excerpt.hpp"

#include "job/excerpt.hpp"
#include "job/outcome.hpp"

#include <string>
#include <utility>

namespace handoff {
namespace {

constexpr std::size_t type_bytes_max = 200;
// What is masked is longer or shorter than what it stands for; far beyond what
// is shown, nothing needs to be masked.
constexpr std::size_t looked_at_bytes_max = 64 * 1024;

} // namespace

std::shared_ptr<const answer_excerpt> excerpt_of(const secrets& hidden,
                                                 const exchange& done,
                                                 const connection_ptr& through,
                                                 std::size_t bytes_max) {
  if (done.status == 0)
    return nullptr;
  auto all = hidden;
  if (through)
    all.insert(all.end(), through->hidden.begin(), through->hidden.end());
  auto made = std::make_shared<answer_excerpt>();
  if (const auto* type = find_header(done.headers, "Content-Type"))
    made->content_type = cut_text(as_utf8(masked(all, *type)), type_bytes_max);
  auto body = masked(all, done.body.substr(0, looked_at_bytes_max));
  body = masked_answer(as_utf8(body));
  made->is_cut =
    done.body.size() > looked_at_bytes_max || body.size() > bytes_max;
  made->body = cut_text(std::move(body), bytes_max);
  // It may be kept for long, and had room for all that was looked at.
  made->body.shrink_to_fit();
  return made;
}

} // namespace handoff
