#include "http/ingress/job_viewer.hpp"

#include "actors/replies.hpp"
#include "job/crash_point.hpp"

#include <caf/send.hpp>
#include <spdlog/spdlog.h>

#include <exception>
#include <utility>

namespace handoff {
namespace {

using clock = std::chrono::steady_clock;

reply broken_view() {
  return problem_reply(
    {error_kind::internal, "the journal could not be shown"});
}

reply try_later(const char* why) {
  return overloaded_reply(why, std::chrono::seconds{1});
}

void show(const job_view& view, journal_reader& reader) {
  try {
    if (auto answer = view.show(reader))
      view.responder->answer(std::move(*answer));
  } catch (const std::exception& thrown) {
    // What is the matter with one view must not end those of others.
    spdlog::error("job viewer: a view threw: {}", thrown.what());
    view.responder->answer(broken_view());
  } catch (...) {
    spdlog::error("job viewer: a view threw");
    view.responder->answer(broken_view());
  }
}

} // namespace

job_viewer_actor::behavior_type
job_viewer(job_viewer_actor::pointer, std::shared_ptr<journal_reader> reader,
           activity* watched) {
  return {
    [reader, watched](const job_view_ptr& view) {
      const activity::turn turn{watched, "a look into the journal"};
      fault_point("job_viewer");
      if (clock::now() < view->wanted_until)
        show(*view, *reader);
    },
  };
}

void job_views::ask(
  const responder_ptr& responder,
  std::function<std::optional<reply>(journal_reader&)> show) const {
  auto place = room_.enter();
  if (!place) {
    responder->answer(try_later("too many wait to see what the journal has"));
    return;
  }
  const auto until = clock::now() + patience;
  responder->answer_by(
    until, try_later("the journal could not be read within ten seconds"));
  caf::anon_send(
    viewer_, std::make_shared<const job_view>(
               job_view{responder, std::move(show), until, std::move(place)}));
}

} // namespace handoff
