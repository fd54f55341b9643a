// What a sender writes into the head of a webhook: lines of "Name: value", an
// empty line, and the body.

#include "actors/prefer.hpp"
#include "http/admin/origin_check.hpp"
#include "http/front_door/target.hpp"
#include "job/json_body.hpp"
#include "job/trace.hpp"
#include "tests/fuzz/fuzz.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace handoff;
  auto rest = fuzz::text_of(data, size);
  http_request request;
  request.method = "POST";
  while (!rest.empty()) {
    auto line = fuzz::take_until(rest, '\n');
    if (line.empty())
      break;
    const auto field = fuzz::take_until(line, ':');
    request.headers.push_back({std::string{field}, std::string{line}});
  }
  (void)read_preferences(request.headers);
  (void)origin_check{"127.0.0.1"}.refuse(request);
  for (const auto& each : request.headers) {
    const auto trace = continue_trace(
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", {each.value});
    fuzz::expect(trace.state.size() <= tracestate_bytes_max,
                 "a tracestate that is passed on is short");
    fuzz::expect(make_traceparent(continue_trace(each.value),
                                  span_id_of("job", "clone", 1))
                     .size()
                   == 55,
                 "a traceparent is one");
    (void)path_segments("/" + each.value);
    (void)query_pairs(each.value);
  }
  const auto body = parse_json_body(rest);
  if (const auto* parsed = std::get_if<nlohmann::json>(&body))
    (void)parsed->dump(); // which throws for what is not UTF-8
  return 0;
}
