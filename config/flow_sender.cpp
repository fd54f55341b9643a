// What a flow says of the requests of its sender and of their answers.

#include "config/condition_reader.hpp"
#include "config/flow_check.hpp"
#include "config/flow_compiler.hpp"
#include "config/signable_word.hpp"

#include <string>
#include <utility>
#include <vector>

namespace handoff {

namespace {

using nlohmann::json;
using pointer = json::json_pointer;
using source_kind = template_expression::source_kind;

constexpr std::size_t decodings_max = 16;
constexpr std::size_t handshakes_max = 20;

/// What an answer may be, by where it stands.
struct answer_place {
  std::string_view kind;
  int status;
  std::int64_t least;
  std::int64_t most;
  expression_scope scope;
};

const std::vector<source_kind> request_sources{
  source_kind::body, source_kind::header, source_kind::query,
  source_kind::flow};
const std::vector<source_kind> job_sources{
  source_kind::body, source_kind::header, source_kind::query, source_kind::job,
  source_kind::flow};

const expression_scope of_request{.sources = request_sources};
const expression_scope of_job{.sources = job_sources};
/// Of the answer to a handshake.
const expression_scope of_handshake{.sources = request_sources, .macs = true};

void read_content(object_reader& object, const answer_place& place,
                  reply_template& made) {
  const auto* text = object.find("text");
  if (text != nullptr && object.has("body"))
    object.error("text", "stands beside \"body\"; allowed: one of them");
  if ((made.status == 204 || made.status == 205)
      && (text != nullptr || object.has("body")))
    object.error(text != nullptr ? "text" : "body",
                 "is never sent, an answer with " + std::to_string(made.status)
                   + " has no body");
  if (made.status == 304 && (text != nullptr || object.has("body")))
    object.report().warning(object.at(text != nullptr ? "text" : "body"),
                            "is never sent, an answer with 304 has no body");
  if (text != nullptr)
    made.text = read_template(object.report(), *text, object.at("text"));
  made.body = read_body(object);
  auto& report = object.report();
  for (const auto& [name, value] : made.headers)
    check_text_expressions(report, object.at("headers") / name, value,
                           place.scope);
  if (made.text)
    check_text_expressions(report, object.at("text"), *made.text, place.scope);
  if (made.body)
    check_expressions(report, object.at("body"), made.body->texts(),
                      place.scope);
}

reply_template read_answer(flow_report& report, const json& value,
                           const pointer& at, const answer_place& place) {
  object_reader object{report, value, at, place.kind};
  reply_template made;
  made.status = static_cast<int>(
    object.integer("status", place.least, place.most).value_or(place.status));
  made.headers = read_headers(object, header_owner::reply);
  read_content(object, place, made);
  return made;
}

std::optional<reply_template> read_optional_answer(object_reader& object,
                                                   std::string_view key,
                                                   const answer_place& place) {
  const auto* value = object.find(key);
  if (value == nullptr)
    return std::nullopt;
  return read_answer(object.report(), *value, object.at(key), place);
}

void read_replies(object_reader& top, flow& made,
                  const expression_scope& of_reply) {
  made.reply =
    read_optional_answer(top, "reply", {"reply", 200, 200, 299, of_reply});
  const auto* value = top.find("reply");
  if (value == nullptr || !value->is_object())
    return;
  const auto inner = [&](const char* key, const answer_place& place) {
    const auto found = value->find(key);
    return found == value->end()
           ? std::optional<reply_template>{}
           : read_answer(top.report(), *found, top.at("reply") / key, place);
  };
  made.late = inner("late", {"answer", 202, 200, 299, of_job});
  made.failed = inner("failed", {"answer", 502, 200, 599, of_job});
}

void read_decode(object_reader& object, input_rule& made) {
  static const std::vector<std::string_view> encodings{"json", "base64-json"};
  const auto* all = object.find("decode");
  if (all == nullptr)
    return;
  if (!all->is_array() || all->size() > decodings_max) {
    object.error("decode", "must be an array of at most "
                             + std::to_string(decodings_max)
                             + " objects with \"at\" and \"as\"");
    return;
  }
  for (std::size_t i = 0; i < all->size(); ++i) {
    object_reader each{object.report(), (*all)[i], object.at("decode") / i,
                       "decode"};
    const auto at = each.json_pointer("at");
    const auto as = each.choice("as", encodings);
    if (at && at->empty())
      each.error("at", "must be a pointer to a member of the body");
    if (at && as)
      made.decode.push_back({*at, *as == 1});
  }
}

input_rule read_input(flow_report& report, const json& value,
                      const pointer& at) {
  static const std::vector<std::string_view> types{"json", "form", "auto"};
  object_reader object{report, value, at, "input"};
  input_rule made;
  if (const auto type = object.choice("type", types))
    made.type = static_cast<input_type>(*type);
  read_decode(object, made);
  return made;
}

condition read_when(object_reader& object) {
  const auto* value = object.find("when");
  if (value == nullptr)
    return {};
  auto& report = object.report();
  auto made =
    read_condition(report, *value, object.at("when"), condition_place::request);
  if (made)
    check_condition(report, object.at("when"), *made, of_request);
  return made.value_or(condition{});
}

handshake_rule read_rule(flow_report& report, const json& value,
                         const pointer& at) {
  static const std::vector<std::string_view> methods{
    "POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"};
  object_reader object{report, value, at, "handshake"};
  handshake_rule made;
  if (const auto method = object.choice("method", methods))
    made.method = methods[*method];
  made.when = read_when(object);
  made.verified = object.boolean("verified").value_or(true);
  if (auto reply = read_optional_answer(
        object, "reply", {"answer", 200, 200, 599, of_handshake}))
    made.reply = std::move(*reply);
  if (!made.verified)
    for (const auto& [name, text] : made.reply.headers)
      if (lower_case(name) == "content-type")
        report.error(object.at("reply") / "headers" / name,
                     "is not allowed in a rule with \"verified\": false: what "
                     "anybody may send must not come back as a page");
  if (const auto* show = object.find("show")) {
    made.show = read_template(report, *show, object.at("show"));
    if (made.show)
      check_text_expressions(report, object.at("show"), *made.show, of_request);
  }
  return made;
}

/// Every HMAC in the answer of a rule.
std::vector<const template_expression*> macs_of(const reply_template& reply) {
  std::vector<const template_expression*> used;
  const auto add = [&](const template_expression& each) {
    if (each.mac != mac_encoding::none)
      used.push_back(&each);
  };
  for (const auto& [name, value] : reply.headers)
    for (const auto& each : value.expressions())
      add(each);
  if (reply.text)
    for (const auto& each : reply.text->expressions())
      add(each);
  if (reply.body)
    for (const auto* each : reply.body->expressions())
      add(*each);
  return used;
}

/// To be called where "verify" has no secret.
void refuse_macs(flow_report& report, const pointer& at,
                 const reply_template& reply) {
  for (const auto* each : macs_of(reply))
    report.error(at, each->text
                       + " is made with the secret of \"verify\", which has "
                         "none");
}

/// Reports rules by which anybody could have a webhook signed.
void check_macs_for_anybody(flow_report& report, const flow& made) {
  const bool json_only = made.input.type == input_type::json;
  if (may_sign_words(made.verify, json_only))
    return;
  for (std::size_t i = 0; i < made.handshake.size(); ++i) {
    const auto& rule = made.handshake[i];
    const auto macs = macs_of(rule.reply);
    if (!rule.verified && !macs.empty())
      report.error(
        pointer{"/handshake"} / i,
        macs.front()->text
          + " would sign webhooks for anybody: what \"signed\" of \"verify\" "
            "gives can be a value that is signed here"
          + (may_sign_words(made.verify, true)
               ? ", because the body may be a form"
               : "")
          + "; set \"verified\" to true, or leave hmac out");
  }
}

} // namespace

std::vector<handshake_rule> read_handshake(object_reader& top,
                                           bool has_secret) {
  std::vector<handshake_rule> made;
  const auto* rules = top.find("handshake");
  if (rules == nullptr)
    return made;
  if (!rules->is_array() || rules->size() > handshakes_max) {
    top.error("handshake", "must be an array of at most "
                             + std::to_string(handshakes_max) + " rules");
    return made;
  }
  for (std::size_t i = 0; i < rules->size(); ++i) {
    const auto at = top.at("handshake") / i;
    made.push_back(read_rule(top.report(), (*rules)[i], at));
    if (!has_secret)
      refuse_macs(top.report(), at / "reply", made.back().reply);
  }
  return made;
}

void read_sender_side(object_reader& top, flow& made,
                      const expression_scope& of_reply) {
  if (const auto* value = top.find("input"))
    made.input = read_input(top.report(), *value, top.at("input"));
  made.when = read_when(top);
  made.otherwise = read_optional_answer(top, "otherwise",
                                        {"answer", 200, 200, 599, of_request});
  if (made.otherwise && !top.has("when"))
    top.error("otherwise", "is never sent: there is no \"when\"");
  read_replies(top, made, of_reply);
  check_macs_for_anybody(top.report(), made);
}

} // namespace handoff
