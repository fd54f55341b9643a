#include "tools/fake_api/answer.hpp"

#include "job/json_text.hpp"
#include "tools/fake_api/fill.hpp"

#include <algorithm>
#include <strings.h>

namespace fake_api {

using nlohmann::json;

namespace {

std::string_view reason_of(int status) {
  switch (status) {
#define FAKE_API_STATUS(number, name, text)                                    \
  case number:                                                                 \
    return #text;
    HTTP_STATUS_MAP(FAKE_API_STATUS)
#undef FAKE_API_STATUS
  default:
    return "Unknown";
  }
}

bool is_clone(const request& incoming) {
  return incoming.method == "POST" && incoming.path.ends_with("/clone");
}

bool has_no_body(int status) {
  return status == 204 || status == 304;
}

std::string default_body(const request& incoming, int status,
                         std::uint64_t seq) {
  if (status >= 400)
    return json{{"error", reason_of(status)}}.dump();
  if (is_clone(incoming))
    return "{\"id\":\"p-" + std::to_string(seq) + "\"}";
  return "{\"ok\":true}";
}

/// A value that comes from a request must not begin a header of its own.
std::string header_value(std::string value) {
  std::erase_if(value,
                [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  return value;
}

std::string body_of(const request& incoming, const step& scripted,
                    filler& values, int status, std::uint64_t seq) {
  if (scripted.fixed_body)
    return *scripted.fixed_body;
  if (!scripted.body)
    return default_body(incoming, status, seq);
  if (scripted.body->is_string())
    return values.fill_text(scripted.body->get_ref<const std::string&>());
  return handoff::json_text(values.fill(*scripted.body));
}

void begin_head(answer& made) {
  made.head = "HTTP/1.1 " + std::to_string(made.status) + ' ';
  made.head.append(reason_of(made.status)).append("\r\n");
}

void add_field(answer& made, std::string_view name, std::string_view value) {
  made.head.append(name).append(": ").append(value).append("\r\n");
}

/// Adds what frames the body and ends the head.
void finish_head(answer& made, const request& incoming) {
  if (!has_no_body(made.status))
    add_field(made, "Content-Length",
              std::to_string(made.body.size() + made.filler_bytes));
  if (made.last)
    add_field(made, "Connection", "close");
  made.head += "\r\n";
  if (incoming.method == "HEAD" || has_no_body(made.status)) {
    made.body.clear();
    made.filler_bytes = 0;
  }
}

} // namespace

answer compose(const request& incoming, const step& scripted, std::uint64_t seq,
               const ledger& seen) {
  filler values{incoming, seq, seen};
  answer made;
  made.status = scripted.status.value_or(is_clone(incoming) ? 201 : 200);
  made.last = !incoming.keep_alive;
  if (scripted.fault == fault_kind::huge) {
    // A JSON string of that many bytes; the end of it comes with the filler.
    made.body = "\"";
    made.filler_bytes = scripted.huge_bytes - 1;
  } else {
    made.body = body_of(incoming, scripted, values, made.status, seq);
  }
  begin_head(made);
  bool typed = false;
  for (const auto& [name, text] : scripted.headers) {
    const auto value = header_value(values.fill_text(text));
    if (strcasecmp(name.c_str(), "Connection") == 0) {
      if (strcasecmp(value.c_str(), "close") == 0) {
        made.last = true;
        continue;
      }
    }
    typed = typed || strcasecmp(name.c_str(), "Content-Type") == 0;
    add_field(made, name, value);
  }
  if (!typed && !has_no_body(made.status))
    add_field(made, "Content-Type",
              scripted.body && scripted.body->is_string() ? "text/plain"
                                                          : "application/json");
  finish_head(made, incoming);
  return made;
}

answer compose_plain(const request& incoming, int status,
                     std::string_view content_type, std::string body) {
  answer made;
  made.status = status;
  made.body = std::move(body);
  made.last = !incoming.keep_alive;
  begin_head(made);
  add_field(made, "Content-Type", content_type);
  finish_head(made, incoming);
  return made;
}

} // namespace fake_api
