// The parts that a job cannot do without, as bare as they can be written: what
// the service costs beyond their sum is its own.
//
//   bare calls URL JOBS CALLS [CA]
//                   JOBS times CALLS posts to what is at URL, by libcurl as
//                   HTTP/1.1, 64 jobs at once; the first of a job has a
//                   connection of its own, like a clone. Each request has the
//                   fields that the service sends: libcurl writes them byte by
//                   byte. Over TLS, CA is a file with the authority; sessions
//                   are resumed
//   bare answers    Pistache answers each post with a UID, until it is told to
//                   end
//
// The third part, commits of many jobs at once, is what journal_bench measures.

#include "tools/bench/machine.hpp"

#include <curl/curl.h>
#include <pistache/endpoint.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using bench::processor_seconds;

constexpr std::size_t jobs_at_once = 64;

std::size_t swallow(char*, std::size_t size, std::size_t count, void*) {
  return size * count;
}

/// One job of `calls` posts, one after the other.
struct bare_job {
  CURL* easy = curl_easy_init();
  std::size_t made = 0;
};

/// The fields of a clone's request, or of a sub-action's.
curl_slist* fields_of(bool clone) {
  curl_slist* fields = nullptr;
  for (const auto* each :
       {clone ? "Content-Type: application/json" : "Content-Type:",
        clone ? "Idempotency-Key: 01M82BX4NYQWMKY40G16YR1J0Q.clone"
              : "Idempotency-Key: 01M82BX4NYQWMKY40G16YR1J0Q.s1",
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "User-Agent: handoff/" HANDOFF_VERSION})
    fields = curl_slist_append(fields, each);
  return fields;
}

struct upstream {
  std::string base;        ///< URL, with a slash at its end
  std::string ca;          ///< a file; empty: none
  CURLSH* share = nullptr; ///< of TLS sessions
};

void begin_call(CURLM* multi, bare_job& of, const upstream& to) {
  static auto* const clone_fields = fields_of(true);
  static auto* const sub_action_fields = fields_of(false);
  const bool clone = of.made == 0;
  const auto url =
    to.base + (clone ? "t/clone" : "p/s" + std::to_string(of.made));
  curl_easy_reset(of.easy);
  curl_easy_setopt(of.easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(of.easy, CURLOPT_PRIVATE, &of);
  curl_easy_setopt(of.easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(of.easy, CURLOPT_POSTFIELDS,
                   clone ? "{\"name\":\"n-1\"}" : "");
  curl_easy_setopt(of.easy, CURLOPT_HTTPHEADER,
                   clone ? clone_fields : sub_action_fields);
  curl_easy_setopt(of.easy, CURLOPT_HEADERFUNCTION, &swallow);
  curl_easy_setopt(of.easy, CURLOPT_WRITEFUNCTION, &swallow);
  curl_easy_setopt(of.easy, CURLOPT_TIMEOUT_MS, 30'000L);
  curl_easy_setopt(of.easy, CURLOPT_HTTP_VERSION,
                   static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(of.easy, CURLOPT_SHARE, to.share);
  if (!to.ca.empty()) {
    curl_easy_setopt(of.easy, CURLOPT_CAINFO, to.ca.c_str());
    curl_easy_setopt(of.easy, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(of.easy, CURLOPT_FRESH_CONNECT, clone ? 1L : 0L);
  curl_easy_setopt(of.easy, CURLOPT_FORBID_REUSE, clone ? 1L : 0L);
  curl_multi_add_handle(multi, of.easy);
}

int calls(const std::string& url, std::size_t jobs, std::size_t calls,
          const std::string& ca) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const upstream to{url + "/projects/", ca, curl_share_init()};
  // No lock functions: there is one thread.
  curl_share_setopt(to.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
  auto* multi = curl_multi_init();
  std::vector<bare_job> running(std::min(jobs_at_once, jobs));
  std::size_t begun = running.size();
  std::size_t failed = 0;
  const auto before = processor_seconds();
  for (auto& each : running)
    begin_call(multi, each, to);
  for (int left = 1; left > 0;) {
    curl_multi_perform(multi, &left);
    int more = 0;
    while (const auto* ended = curl_multi_info_read(multi, &more)) {
      bare_job* of = nullptr;
      curl_easy_getinfo(ended->easy_handle, CURLINFO_PRIVATE, &of);
      failed += ended->data.result == CURLE_OK ? 0 : 1;
      curl_multi_remove_handle(multi, of->easy);
      if (++of->made == calls) {
        of->made = 0;
        if (begun++ >= jobs)
          continue;
      }
      begin_call(multi, *of, to);
      left = 1;
    }
    if (left > 0)
      curl_multi_poll(multi, nullptr, 0, 1'000, nullptr);
  }
  std::printf("bare calls: %.1f us of CPU a job, %zu failed\n",
              (processor_seconds() - before) * 1e6 / static_cast<double>(jobs),
              failed);
  for (auto& each : running)
    curl_easy_cleanup(each.easy);
  curl_multi_cleanup(multi);
  curl_share_cleanup(to.share);
  return failed == 0 ? 0 : 1;
}

class answerer : public Pistache::Http::Handler {
public:
  HTTP_PROTOTYPE(answerer)

  void onRequest(const Pistache::Http::Request&,
                 Pistache::Http::ResponseWriter to) override {
    to.send(Pistache::Http::Code::Ok,
            R"({"job":"01M82BX4NYQWMKY40G16YR1J0Q","uid":"p-1",)"
            R"("status":"running"})",
            MIME(Application, Json));
  }
};

int answers() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  Pistache::Http::Endpoint endpoint{
    Pistache::Address{Pistache::IP::loopback(), Pistache::Port{0}}};
  endpoint.init(Pistache::Http::Endpoint::options().threads(2));
  endpoint.setHandler(std::make_shared<answerer>());
  endpoint.serveThreaded();
  std::printf("bare: listening on 127.0.0.1:%hu\n",
              static_cast<unsigned short>(endpoint.getPort()));
  std::fflush(stdout);
  int which = 0;
  sigwait(&ends, &which);
  endpoint.shutdown();
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "calls" && (argc == 5 || argc == 6))
    return calls(argv[2], std::strtoul(argv[3], nullptr, 10),
                 std::strtoul(argv[4], nullptr, 10), argc == 6 ? argv[5] : "");
  if (what == "answers" && argc == 2)
    return answers();
  std::fputs("usage: bare calls URL JOBS CALLS [CA] | bare answers\n", stderr);
  return 2;
}
