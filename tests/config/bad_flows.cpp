#include "tests/config/bad_inputs.hpp"

namespace handoff::test {

const std::vector<bad_input>& bad_flows() {
  static const std::vector<bad_input> table{
    {R"("sub_action": [])",
     "/sub_action: is not a known key (did you mean sub_actions?); allowed: "
     "$schema, name, title, sender, verify, input, handshake, when, otherwise, "
     "idempotency, deadline, prepare, clone, reply, sub_actions or callback"},
    {R"("name": "b")", "/name: appears twice in its object"},
    {R"("verify": {"scheme": "githb", "secret": "${env:S}"})",
     "/verify/scheme: \"githb\" is not allowed (did you mean github?); "
     "allowed: none, bearer, basic, token, standard-webhooks, github, "
     "hmac-sha256, hmac, hash or public-key"},
    {R"("verify": {"scheme": "github"})",
     "/verify: \"secret\" is missing, the scheme \"github\" needs one"},
    {R"("verify": {"scheme": "hmac-sha256", "secret": "${env:S}"})",
     "/verify: \"header\" is missing, which the scheme \"hmac-sha256\" needs"},
    {R"("verify": {"scheme": "bearer", "secret": "${env:HANDOFF_NOT_SET}"})",
     "/verify/secret: ${env:HANDOFF_NOT_SET} is not set in the environment"},
    {R"("verify": {"scheme": "bearer", "secret": "${evn:S}"})",
     "/verify/secret: ${evn:S} is not a known reference; allowed: ${env:NAME} "
     "and ${file:PATH}"},
    {R"("verify": {"scheme": "github", "secret": "${env:S}", "header": "X"})",
     "/verify/header: does nothing for the scheme \"github\": it belongs to "
     "\"hmac-sha256\""},
    {R"("verify": {"scheme": "standard-webhooks", "secret": "${env:S}"})",
     "/verify/secret: is not base64; allowed: base64 with or without "
     "\"whsec_\" before it, as Standard Webhooks has it"},
    {R"("verify": {"scheme": "standard-webhooks", "secrets": ["QQ==", "whsec_"]})",
     "/verify/secrets/1: is not base64; allowed: base64 with or without "
     "\"whsec_\" before it, as Standard Webhooks has it"},
    {R"("verify": {"scheme": "github", "secrets": ["${env:S}", ""]})",
     "/verify/secrets/1: must not be empty"},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{uid}}"})",
     "/verify/signature: {{uid}} is not known here; allowed: body, header, "
     "query or flow"},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{header/X}}", "signed": "{{timestamp}}.{{raw}}"})",
     "/verify/signed: {{timestamp}} is not known here, it needs \"timestamp\""},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{header/X}}", "signed": "{{part/t}}.{{raw}}"})",
     "/verify/signed: {{part}} is not known here, it needs \"part\""},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{header/X}}", "signed": "{{secret}}{{raw}}"})",
     "/verify/signed: {{secret}} is not known here, it needs the scheme "
     "\"hash\""},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{raw}}"})",
     "/verify/signature: {{raw}} is not known here, it is known to \"signed\" "
     "only"},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{header/X}}", "signed": "{{url}}{{raw}}"})",
     "/verify/signed: {{url}} needs http.public-url in the settings, the URL "
     "that the sender calls"},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{header/X}}", "prefix": "a=", "part": {"name": "v1"}})",
     "/verify/part: stands beside \"prefix\": only one of them may be given"},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{header/X}}", "key": "hex"})",
     "/verify/secret: is not hex, as \"key\" says it is"},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{header/X}}", "algorithm": "md5"})",
     "/verify/algorithm: \"md5\" is not allowed; allowed: sha256, sha512 or "
     "sha1"},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "X-Sig"})",
     "/verify/signature: takes nothing of the webhook, which has to prove its "
     "sender; allowed: such as \"{{header/X-Signature}}\""},
    {R"("verify": {"scheme": "token", "secret": "${env:S}", "value": "X-Token"})",
     "/verify/value: takes nothing of the webhook, which has to prove its "
     "sender; allowed: such as \"{{header/X-Signature}}\""},
    {R"("handshake": [{"when": {"value": "{{body/c}}", "exists": true},
      "reply": {"body": {"m": "{{hmac/body/c}}"}}}])",
     "/handshake/0/reply: {{hmac/body/c}} is made with the secret of "
     "\"verify\", "
     "which has none"},
    {R"("verify": {"scheme": "github", "secret": "${env:S}"}, "input": {"type": "form"},
      "handshake": [{"verified": false, "reply": {"body": {"m": "{{hmac/body/c}}"}}}])",
     "/handshake/0: {{hmac/body/c}} would sign webhooks for anybody: what "
     "\"signed\" of \"verify\" gives can be a value that is signed here, "
     "because "
     "the body may be a form; set \"verified\" to true, or leave hmac out"},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": "{{header/X}}", "signed": "{{header/Y}}", "digest": {"value": "{{header/Y}}"}},
      "handshake": [{"method": "GET", "verified": false, "reply": {"text": "{{hmac64/query/c}}"}}])",
     "/handshake/0: {{hmac64/query/c}} would sign webhooks for anybody: what "
     "\"signed\" of \"verify\" gives can be a value that is signed here; set "
     "\"verified\" to true, or leave hmac out"},
    {R"("verify": {"scheme": "hmac", "secret": "${env:S}", "signature": []})",
     "/verify/signature: must be a template or an array of 1 to 10 of them"},
    {R"("verify": {"scheme": "hash", "secret": "${env:S}", "signature": "{{header/X}}", "signed": "{{raw}}"})",
     "/verify/signed: has no {{secret}}, without which anybody could make the "
     "hash"},
    {R"("verify": {"scheme": "public-key", "secret": "abc", "key": "hex", "algorithm": "ed25519", "signature": "{{header/X}}"})",
     "/verify/secret: must be the 32 bytes of an Ed25519 key in hex"},
    {R"("verify": {"scheme": "public-key", "secret": "MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=", "key": "spki", "algorithm": "rsa-sha256", "signature": "{{header/X}}"})",
     "/verify/secret: must be an RSA key, as the algorithm says"},
    {R"("verify": {"scheme": "basic", "user": "a:b", "secret": "${env:S}"})",
     "/verify/user: must not have a colon in it (RFC 7617)"},
    {R"("verify": {"scheme": "token", "secret": "${env:S}"})",
     "/verify: \"value\" is missing, which the scheme \"token\" needs"},
    {R"("sender": {"name": "githb", "secret": "${env:S}"})",
     "/sender/name: \"githb\" is not a sender (did you mean github?); "
     "\"handoff senders\" lists them"},
    {R"("sender": {"name": "github"})",
     "/sender: \"secret\" is missing, which the sender \"github\" needs"},
    {R"("sender": {"name": "meta", "secret": "${env:S}"})",
     "/sender/with/verify_token: is missing: the text that you enter as verify "
     "token"},
    {R"("idempotency": {"key": "{{uid}}"})",
     "/idempotency/key: {{uid}} is not known here; allowed: body, header, "
     "query or flow"},
    {R"("idempotency": {"keep": 24})",
     "/idempotency/keep: 24 is not a duration; allowed: a string such as "
     "\"250ms\", \"9.5s\" or \"24h\", from 1s to 400d"},
    {R"("deadline": {"limit": "11s"})",
     "/deadline/limit: \"11s\" is longer than deadline.limit of the settings; "
     "allowed: up to 10s"},
    {R"("deadline": {"limit": "100ms"})",
     "/deadline/limit: \"100ms\" is not longer than deadline.margin of the "
     "settings; allowed: more than 500ms"},
    {R"("deadline": {"limit": "ten seconds"})",
     "/deadline/limit: \"ten seconds\" is not a duration; allowed: a string "
     "such as \"250ms\", \"9.5s\" or \"24h\", from 1ms to 1h"},
    {R"("reply": {"status": 500})", "/reply/status: 500 is out of range; "
                                    "allowed: a whole number from 200 to 299"},
    {R"("reply": {"status": 204, "body": {}})",
     "/reply/body: is never sent, an answer with 204 has no body"},
    {R"("reply": {"late": {"body": "{{uid}}"}})",
     "/reply/late/body: {{uid}} is not known here; allowed: body, header, "
     "query, job or flow"},
    {R"("reply": {"body": {}, "text": "done"})",
     "/reply/text: stands beside \"body\"; allowed: one of them"},
    {R"("otherwise": {"status": 200})",
     "/otherwise: is never sent: there is no \"when\""},
    {R"("input": {"decode": [{"at": "", "as": "json"}]})",
     "/input/decode/0/at: must be a pointer to a member of the body"},
    {R"("handshake": [{"verified": false, "reply": {"headers": {"Content-Type": "text/html"}}}])",
     "/handshake/0/reply/headers/Content-Type: is not allowed in a rule with "
     "\"verified\": false: what anybody may send must not come back as a page"},
    {R"("reply": {"body": "{{sub/a/id}}"})",
     "/reply/body: {{sub/a/id}} is not known here; allowed: uid, clone, "
     "clone-header, body, header, query, job, flow or received"},
    {R"("reply": {"headers": {"Location": "/"}})",
     "/reply/headers/Location: is set by Handoff itself; allowed: other "
     "headers"},
    {R"("callback": {"url": "http://user:pw@a/"})",
     "/callback/url: has user information in it; allowed: a URL without "
     "it"},
    {R"("callback": {"url": "http://a/", "on": ["done"]})",
     "/callback/on/0: \"done\" is not an event; allowed: an array with "
     "\"cloned\", \"succeeded\" or \"failed\" in it, each once"},
    {R"("callback": {"url": "http://a/", "secret": "s3cret!"})",
     "/callback/secret: is not base64; allowed: base64 with or without "
     "\"whsec_\" before it, as Standard Webhooks has it"},
    {R"("sub_actions": [{"name": "clone", "request": R}])",
     "/sub_actions/0/name: \"clone\" is what the clone itself is called, in "
     "its Idempotency-Key for one; allowed: any other name"},
    {R"("sub_actions": {})",
     "/sub_actions: must be an array of sub-actions, but is an object"},
    {R"("sub_actions": [{"name": "a"}])",
     "/sub_actions/0: \"request\" is missing"},
    {R"("sub_actions": [{"name": "A", "request": R}])",
     "/sub_actions/0/name: \"A\" is not a name of a sub-action; allowed: 1 to "
     "63 of a-z, 0-9, -, _ and ., the first a letter or a digit"},
    {R"("sub_actions": [{"name": "a", "request": R},
                        {"name": "a", "request": R}])",
     "/sub_actions/1/name: \"a\" is the name of another sub-action too: each "
     "needs a name of its own"},
    {R"("sub_actions": [{"name": "a", "after": ["a"], "request": R}])",
     "/sub_actions/0/after/0: \"a\" is the sub-action itself; allowed: others"},
    {R"("sub_actions": [{"name": "folder", "request": R},
                        {"name": "b", "after": ["foldr"], "request": R}])",
     "/sub_actions/1/after/0: \"foldr\" names no sub-action (did you mean "
     "folder?); allowed: folder"},
    {R"("sub_actions": [{"name": "a", "after": ["b"], "request": R},
                        {"name": "b", "after": ["c"], "request": R},
                        {"name": "c", "after": ["a"], "request": R}])",
     "/sub_actions/0/after: makes a cycle: a -> b -> c -> a"},
    {R"("sub_actions": [{"name": "a", "request": R},
                        {"name": "b", "request":
     {"method": "GET", "url": "http://a/{{sub/a/id}}"}}])",
     "/sub_actions/1/request/url: {{sub/a/id}} is not known here; allowed: "
     "sub-actions that \"after\" names, directly or through others"},
    {R"("sub_actions": [{"name": "a", "on_failure": "stop", "request": R}])",
     "/sub_actions/0/on_failure: \"stop\" is not allowed; allowed: continue, "
     "halt or compensate"},
    {R"("sub_actions": [{"name": "a", "request": R,
                         "timeout": "1s", "retry": {"attempt_timeout": "2s"}}])",
     "/sub_actions/0/retry/attempt_timeout: stands beside \"timeout\", which "
     "means the same: only one of them may be given"},
    {R"("sub_actions": [{"name": "a", "request": R,
                         "retry": {"max_attempts": 0}}])",
     "/sub_actions/0/retry/max_attempts: 0 is out of range; allowed: a whole "
     "number from 1 to 1000"},
    {R"("sub_actions": [{"name": "a", "request": R,
                         "retry": {"max-attempts": 3}}])",
     "/sub_actions/0/retry/max-attempts: is not a known key (did you mean "
     "max_attempts?); allowed: max_attempts, first, factor, max, jitter, "
     "attempt_timeout or retry_on"},
    {R"("sub_actions": [{"name": "a", "request": R,
                         "retry": {"first": "2s", "max": "1s"}}])",
     "/sub_actions/0/retry/first: \"2s\" is longer than \"max\"; allowed: up "
     "to \"1s\""},
    {R"("sub_actions": [{"name": "a", "request": R,
                         "retry": {"retry_on": [200]}}])",
     "/sub_actions/0/retry/retry_on/0: 200 is not a status that can be "
     "retried; allowed: 400 to 599"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "get", "url": "http://a/"}}])",
     "/sub_actions/0/request/method: \"get\" is not allowed (did you mean "
     "GET?); allowed: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "/projects"}}])",
     "/sub_actions/0/request/url: \"/projects\" is not an absolute URL; "
     "allowed: http:// and https://"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://{{body/host}}/"}}])",
     "/sub_actions/0/request/url: \"http://{{body/host}}/\" has an expression "
     "in front of its path; allowed: one in the path or the query"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a:99999/"}}])",
     "/sub_actions/0/request/url: \"http://a:99999/\" has a bad port; allowed: "
     "1 to 65535"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/{{bdy/x}}"}}])",
     "/sub_actions/0/request/url: {{bdy/x}} names no known source (did you "
     "mean body?); allowed: uid, job, flow, body, clone, sub, header, query, "
     "received, uuid, item, index, clone-header, sub-header, accepted, "
     "accepted-header, prepare and prepare-header"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/{{uid | uper}}"}}])",
     "/sub_actions/0/request/url: {{uid | uper}} names no known function (did "
     "you mean upper?); allowed: json, upper, lower, trim, slug, base64, "
     "split, join, first, last, length, date and segments"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/{{uid | first}}"}}])",
     "/sub_actions/0/request/url: {{uid | first}} has | first, which cannot "
     "take a text"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/?x={{body/x | segments}}"}}])",
     "/sub_actions/0/request/url: {{body/x | segments}} has | segments, which "
     "is allowed in the path of a request's URL only"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "POST", "url": "http://a/", "form": {"a": 1}, "text": "b"}}])",
     "/sub_actions/0/request/text: stands beside \"form\"; allowed: one of "
     "body, form and text"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "POST", "url": "http://a/", "form": ["a"]}}])",
     "/sub_actions/0/request/form: must be an object, but is an array"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "POST", "url": "http://a/", "form_arrays": "commas"}}])",
     "/sub_actions/0/request/form_arrays: does nothing here: it belongs beside "
     "\"form\""},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "POST", "url": "http://a/", "form_arrays": "commas",
     "form": {"a": {"b": [1, ["c"]]}}}}])",
     "/sub_actions/0/request/form: /a/b/1: is an array or an object in an "
     "array, which \"form_arrays\": \"commas\" cannot write; allowed: texts, "
     "numbers and booleans"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "POST", "url": "http://a/",
     "body": {"x": [{"y": "{{index}}"}]}}}])",
     "/sub_actions/0/request/body/x/0/y: {{index}} is not known here; allowed: "
     "uid, clone, clone-header, sub, sub-header, body, header, query, job, "
     "flow, received or uuid"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "POST", "url": "http://a/", "form": {"x": ["{{index}}"]}}}])",
     "/sub_actions/0/request/form/x/0: {{index}} is not known here; allowed: "
     "uid, clone, clone-header, sub, sub-header, body, header, query, job, "
     "flow, received or uuid"},
    {R"("reply": {"body": "{{uuid}}"})",
     "/reply/body: {{uuid}} is not known here; allowed: uid, clone, "
     "clone-header, body, header, query, job, flow or received"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/{{uid"}}])",
     "/sub_actions/0/request/url: {{uid is not closed, it needs }} at its end"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/{{body/x ?? none}}"}}])",
     "/sub_actions/0/request/url: {{body/x ?? none}} has a malformed default; "
     "allowed: a string in double quotes, a number, true, false and null"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/", "headers": {"Host": "b"}}}])",
     "/sub_actions/0/request/headers/Host: is set by Handoff itself; allowed: "
     "other headers"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/", "headers": {"X Y": "b"}}}])",
     "/sub_actions/0/request/headers/X Y: is not a name of a header; allowed: "
     "letters, digits and !#$%&'*+-.^_`|~"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/", "body": {"x": ["{{}}"]}}}])",
     "/sub_actions/0/request/body/x/0: {{}} is empty"},
    {R"("prepare": [{"name": "o", "request":
     {"method": "POST", "url": "http://a/"}}])",
     "/prepare/0/request/method: must be GET: what is made before the clone "
     "may be made again"},
    {R"("prepare": [{"name": "o", "request":
     {"method": "GET", "url": "http://a/{{prepare/p/id}}"}}])",
     "/prepare/0/request/url: {{prepare/p/id}} is not known here; allowed: "
     "body, header, query, job, flow, received or uuid"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/"}, "for_each": "x"}])",
     "/sub_actions/0/for_each: \"x\" must be one expression that gives an "
     "array, such as \"{{body/members}}\""},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/"}, "batch": 2}])",
     "/sub_actions/0/batch: does nothing without \"for_each\""},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/"}, "for_each": "{{uid}}"}])",
     "/sub_actions/0/for_each: \"{{uid}}\" gives one text or number, but an "
     "array "
     "is needed, such as {{body/members}} or {{header/X-Names | split \",\"}}"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/"},
     "for_each": "{{body/names | join \"x\"}}"}])",
     "/sub_actions/0/for_each: \"{{body/names | join \\\"x\\\"}}\" gives one "
     "text or "
     "number, but an array is needed, such as {{body/members}} or "
     "{{header/X-Names | split \",\"}}"},
    {R"("sub_actions": [{"name": "a", "request": {"method": "POST",
     "url": "http://a/", "body": {"to": "all: {{body/a | split \";\"}}"}}}])",
     "/sub_actions/0/request/body/to: {{body/a | split \";\"}} gives an array, "
     "which cannot be part of a text; allowed: | join \",\" or | json behind "
     "it"},
    {R"("sub_actions": [{"name": "a", "request": {"method": "POST",
     "url": "http://a/", "headers": {"X-To": "{{body/a | split \";\"}}"}}}])",
     "/sub_actions/0/request/headers/X-To: {{body/a | split \";\"}} gives an "
     "array, which cannot be part of a text; allowed: | join \",\" or | json "
     "behind it"},
    {R"("title": "{{query/a | split \";\"}}")",
     "/title: {{query/a | split \";\"}} gives an array, which cannot be part "
     "of a "
     "text; allowed: | join \",\" or | json behind it"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/"}, "for_each": "{{body/x}}"},
     {"name": "a.1", "request": {"method": "GET", "url": "http://a/"}}])",
     "/sub_actions/1/name: \"a.1\" is what an element of \"a\" is called; "
     "allowed: any other name"},
    {R"("sub_actions": [{"name": "a", "request":
     {"method": "GET", "url": "http://a/{{item}}"}}])",
     "/sub_actions/0/request/url: {{item}} is not known here; allowed: uid, "
     "clone, clone-header, sub, sub-header, body, header, query, job, flow, "
     "received or uuid"},
    {R"("reply": {"status": 200,})", ":1:114: is not JSON: in object key - "
                                     "unexpected '}'; expected string literal"},
    {{"\"reply\": {}\0", 12},
     ":1:101: is not JSON: in value - it has a NUL byte"},
    {R"("reply": {)",
     ":1:101: is not JSON: in object - unexpected end of input; expected '}'"},
  };
  return table;
}

} // namespace handoff::test
