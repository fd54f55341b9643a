#include "config/connection.hpp"
#include "config/connection_reader.hpp"
#include "config/connection_registry.hpp"
#include "config/flow_loader.hpp"
#include "config/fresh_flows.hpp"
#include "config/poll_address.hpp"
#include "tests/config/files.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace handoff::test {
namespace {

using nlohmann::json;

class ConnectionTest : public testing::Test {
protected:
  loaded_connections read(const json& document) const {
    connection_defaults defaults;
    defaults.base_directory = folder_.path().string();
    return read_connections(document, defaults, "c.json");
  }

  connection one(const json& members) const {
    auto whole = json{{"url", "https://api.example/v1"}};
    whole.update(members);
    const auto loaded = read({{"graph", whole}});
    for (const auto& each : loaded.errors)
      ADD_FAILURE() << to_string(each);
    return loaded.errors.empty() ? *loaded.connections.at("graph")
                                 : connection{};
  }

  std::string first_error(const json& members) const {
    auto whole = json{{"url", "https://api.example/v1"}};
    whole.update(members);
    const auto loaded = read({{"graph", whole}});
    return loaded.errors.empty() ? "" : to_string(loaded.errors[0]);
  }

  static outbound_call call(std::string url) {
    outbound_call made;
    made.url = std::move(url);
    made.headers = {{"Idempotency-Key", "j.clone"}, {"X-Own", "flow"}};
    return made;
  }

  temporary_folder folder_;
};

const json oauth2{{"type", "oauth2"},
                  {"token_url", "https://login.example/token"},
                  {"client_id", "me"},
                  {"client_secret", "hush hush"}};

} // namespace

TEST_F(ConnectionTest, ReadsEveryMember) {
  upstream_settings before;
  const auto made = one({{"headers", {{"User-Agent", "acme"}}},
                         {"outcome", "graphql"},
                         {"idempotency_header", "PayPal-Request-Id"},
                         {"max_calls", 64},
                         {"reserved_for_clones", 0.25},
                         {"rate", 20},
                         {"breaker_failures", 3},
                         {"breaker_open", "2s"},
                         {"connect_timeout", "1s"},
                         {"private_networks", "refuse"},
                         {"proxy", "http://proxy.internal:3128"},
                         {"http2", "off"}});
  EXPECT_EQ(made.url, "https://api.example/v1");
  EXPECT_EQ(made.headers, (headers{{"User-Agent", "acme"}}));
  EXPECT_EQ(made.outcome.size(), graphql_outcome().size());
  EXPECT_EQ(made.idempotency_header, "PayPal-Request-Id");
  EXPECT_EQ(made.limits.max_calls, 64U);
  EXPECT_EQ(made.limits.reserved_for_clones, 0.25);
  EXPECT_EQ(made.limits.rate, 20);
  EXPECT_EQ(made.limits.breaker_failures, 3U);
  EXPECT_EQ(made.limits.breaker_open, std::chrono::seconds{2});
  EXPECT_EQ(made.limits.connect_timeout, std::chrono::seconds{1});
  EXPECT_FALSE(made.limits.private_networks_allowed);
  EXPECT_EQ(made.limits.proxy, "http://proxy.internal:3128");
  EXPECT_FALSE(made.limits.http2);
  const auto plain = one(json::object());
  EXPECT_EQ(plain.limits, before);
  EXPECT_EQ(plain.auth.type, connection_auth::kind::none);
  EXPECT_EQ(plain.idempotency_header, "Idempotency-Key");
}

TEST_F(ConnectionTest, ReadsTheKindsOfAuth) {
  const auto made = one({{"auth", oauth2}}).auth;
  EXPECT_EQ(made.grant, connection_auth::grant_kind::client_credentials);
  EXPECT_EQ(made.refresh_on, (std::vector<int>{401}));
  EXPECT_FALSE(made.is_client_basic);
  auto refresh = oauth2;
  refresh.update({{"grant", "refresh_token"},
                  {"refresh_token", "first one"},
                  {"store", "graph.token"},
                  {"client_auth", "basic"},
                  {"refresh_on", {401, 403}}});
  const auto kept = one({{"auth", refresh}}).auth;
  EXPECT_EQ(kept.store, (folder_.path() / "graph.token").string());
  EXPECT_TRUE(kept.is_client_basic);
  EXPECT_EQ(kept.refresh_on, (std::vector<int>{401, 403}));
}

TEST_F(ConnectionTest, KeepsInAJournalThatNodesShareOnlyWhatItCan) {
  auto refresh = oauth2;
  refresh.update({{"grant", "refresh_token"},
                  {"refresh_token", "first one"},
                  {"store", "journal"}});
  const json members{
    {"url", "https://api.example"}, {"auth", refresh}, {"shared", false}};
  connection_defaults defaults;
  const auto read_with = [&](bool is_shared, bool has_secret) {
    defaults.is_journal_shared = is_shared;
    defaults.has_journal_secret = has_secret;
    return read_connections({{"graph", members}}, defaults, "c.json");
  };
  const auto good = read_with(true, true);
  ASSERT_TRUE(good.errors.empty()) << to_string(good.errors[0]);
  EXPECT_TRUE(good.connections.at("graph")->auth.is_in_journal);
  EXPECT_FALSE(good.connections.at("graph")->limits.shared);
  const auto without = read_with(true, false);
  ASSERT_EQ(without.errors.size(), 1U);
  EXPECT_EQ(to_string(without.errors[0]),
            "c.json: /graph/auth/store: \"journal\" needs journal.secret, with "
            "which tokens are encrypted; allowed: it with that key in the INI, "
            "or the name of a file beside the INI");
  EXPECT_EQ(read_with(false, false).errors.size(), 2U);
}

TEST_F(ConnectionTest, SaysWhereItIsWrongAndWhatIsAllowed) {
  EXPECT_EQ(
    first_error({{"max-calls", 1}}).substr(0, 70),
    "c.json: /graph/max-calls: is not a known key (did you mean max_calls?)");
  EXPECT_EQ(
    first_error({{"auth", {{"type", "bearer"}}}}),
    "c.json: /graph/auth: \"token\" is missing, \"type\": \"bearer\" needs "
    "it");
  EXPECT_EQ(first_error(
              {{"auth", {{"type", "bearer"}, {"token", "t"}, {"user", "u"}}}}),
            "c.json: /graph/auth/user: does nothing here; allowed: it with "
            "\"type\": \"basic\"");
  auto refresh = oauth2;
  refresh["refresh_token"] = "r";
  EXPECT_EQ(first_error({{"auth", refresh}}),
            "c.json: /graph/auth/refresh_token: does nothing here; allowed: it "
            "with \"grant\": \"refresh_token\"");
  EXPECT_EQ(
    first_error({{"ca", "no certificate"}}),
    "c.json: /graph/ca: must be the PEM text of one or more "
    "certificates, best as ${file:PATH}, but has none in it that can be "
    "read");
  EXPECT_NE(first_error({{"url", "ftp://a"}}), "");
  EXPECT_NE(first_error({{"url", "https://a/?b=c"}}), "");
  EXPECT_NE(first_error({{"proxy", "socks5://a:1"}}), "");
  EXPECT_NE(first_error({{"headers", {{"Idempotency-Key", "a"}}}}), "");
  EXPECT_NE(first_error({{"outcome",
                          {{{"if", {{"status", 200}}}, {"then", "refresh"}}}}}),
            "");
  EXPECT_EQ(to_string(read(json::array()).errors.at(0)),
            "c.json: must be an object of connections by name, but is an "
            "array");
}

TEST_F(ConnectionTest, NeverShowsASecretThatIsWrong) {
  const auto loaded = read(
    {{"graph",
      {{"url", "https://a"},
       {"auth", {{"type", "bearer"}, {"token", "line\nbreak-of-a-secret"}}}}}});
  ASSERT_FALSE(loaded.errors.empty());
  for (const auto& each : loaded.errors)
    EXPECT_EQ(to_string(each).find("break-of"), std::string::npos);
}

TEST_F(ConnectionTest, CompletesACall) {
  const auto through = one({{"headers", {{"X-Own", "c"}, {"X-Other", "c"}}},
                            {"idempotency_header", "X-Request"}});
  const auto made = completed(call("/teams/7?a=b"), through);
  EXPECT_EQ(made.url, "https://api.example/v1/teams/7?a=b");
  EXPECT_EQ(
    made.headers,
    (headers{{"X-Request", "j.clone"}, {"X-Own", "flow"}, {"X-Other", "c"}}));
}

// A slash at the end of the URL was lost where nothing follows it.
TEST_F(ConnectionTest, KeepsItsUrlAsItIsWritten) {
  const struct {
    const char* url;
    const char* path;
    const char* whole;
  } rows[] = {{"https://a/graphql/", "", "https://a/graphql/"},
              {"https://a/graphql", "", "https://a/graphql"},
              {"https://a/graphql/", "/", "https://a/graphql/"},
              {"https://a/graphql/", "/x/", "https://a/graphql/x/"},
              {"https://a/graphql/", "?a=1", "https://a/graphql/?a=1"},
              {"https://a", "/x", "https://a/x"},
              {"https://a/", "", "https://a/"}};

  for (const auto& row : rows)
    EXPECT_EQ(completed(call(row.path), one({{"url", row.url}})).url, row.whole)
      << row.url << ' ' << row.path;
}

TEST_F(ConnectionTest, SendsItsHeadersToItsOwnHostOnly) {
  const auto through =
    one({{"headers", {{"X-Other", "c"}}},
         {"auth", {{"type", "bearer"}, {"token", "a-static-token"}}}});
  for (const auto& [url, own] :
       {std::pair{"https://api.example:443/poll", true},
        std::pair{"https://API.example/poll", true},
        std::pair{"https://api.example:8443/poll", false},
        std::pair{"http://api.example/poll", false},
        std::pair{"https://other.example/poll", false}}) {
    auto made = completed(call(url), through);
    authorize(made, through, "");
    EXPECT_EQ(made.url, url);
    EXPECT_EQ(find_header(made.headers, "X-Other") != nullptr, own) << url;
    EXPECT_EQ(find_header(made.headers, "Authorization") != nullptr, own)
      << url;
  }
}

// A poll may be led to another host by what the upstream answers: what the flow
// itself sends to open the connection's host stays there, too.
TEST_F(ConnectionTest, SendsCredentialsOfTheFlowToItsOwnHostOnly) {
  const auto through = one(json::object());
  for (const auto& [url, own] :
       {std::pair{"https://api.example/poll", true},
        std::pair{"https://other.example/poll", false}}) {
    auto poll = call(url);
    poll.headers.push_back({"authorization", "Bearer of-the-flow"});
    poll.headers.push_back({"Cookie", "session=1"});
    const auto made = completed(std::move(poll), through);
    EXPECT_EQ(find_header(made.headers, "Authorization") != nullptr, own);
    EXPECT_EQ(find_header(made.headers, "Cookie") != nullptr, own);
    EXPECT_NE(find_header(made.headers, "X-Own"), nullptr) << "any other goes";
  }
}

TEST_F(ConnectionTest, GivesTheKeyInItsOwnHeaderOnce) {
  const auto through = one({{"idempotency_header", "X-Request"}});
  auto given = call("/a");
  given.headers.push_back({"x-request", "of-a-journaled-flow"});
  const auto made = completed(std::move(given), through);
  EXPECT_EQ(made.headers,
            (headers{{"X-Own", "flow"}, {"x-request", "of-a-journaled-flow"}}));
  EXPECT_EQ(find_header(completed(call("/a"), one(json::object())).headers,
                        "X-Request"),
            nullptr);
}

TEST_F(ConnectionTest, LetsNoFlowSetTheHeaderOfTheKey) {
  flow_defaults defaults;
  defaults.connections = std::make_shared<const connection_set>(
    read(
      {{"graph",
        {{"url", "https://api.example"}, {"idempotency_header", "X-Request"}}}})
      .connections);
  const auto with = [&](const std::string& header) {
    const auto loaded = read_flow({{"name", "a"},
                                   {"clone",
                                    {{"uid", "/id"},
                                     {"request",
                                      {{"method", "GET"},
                                       {"connection", "graph"},
                                       {"path", "/"},
                                       {"headers", {{header, "1"}}}}}}}},
                                  defaults, "a.json");
    return loaded.errors.empty() ? std::string{} : to_string(loaded.errors[0]);
  };
  EXPECT_EQ(with("X-Other"), "");
  EXPECT_EQ(with("x-request"),
            "a.json: /clone/request/headers/x-request: is the idempotency key, "
            "which the connection \"graph\" gives each step; allowed: any "
            "other header");
}

// Where a poll goes is what the upstream says, not what a sender does.
TEST_F(ConnectionTest, TakesTheUrlOfAPollFromTheUpstreamOnly) {
  const auto with = [&](const std::string& url) {
    const auto loaded = read_flow(
      {{"name", "a"},
       {"clone",
        {{"uid", "/id"},
         {"request", {{"method", "POST"}, {"url", "https://api.example/"}}},
         {"poll",
          {{"request", {{"method", "GET"}, {"url", url}}},
           {"hosts", {"api.example"}},
           {"until", {{"at", "/status"}, {"is", "done"}}}}}}}},
      {}, "a.json");
    return loaded.errors.empty() ? std::string{} : to_string(loaded.errors[0]);
  };
  EXPECT_EQ(with("{{accepted/url}}"), "");
  EXPECT_EQ(with("{{accepted-header/Location}}"), "");
  for (const std::string source :
       {"{{body/url}}", "{{header/X-Url}}", "{{query/url}}", "{{job}}"})
    EXPECT_EQ(with(source),
              "a.json: /clone/poll/request/url: " + source
                + " must not be the whole URL; allowed: {{accepted/...}} and "
                  "{{accepted-header/...}}");
}

TEST_F(ConnectionTest, PollsInTheClearOnlyWhereTheCloneIs) {
  const auto may_poll = [&](const std::string& clone, const std::string& given,
                            const json& host = "api.example") {
    const auto loaded = read_flow(
      {{"name", "a"},
       {"clone",
        {{"uid", "/id"},
         {"request", {{"method", "POST"}, {"url", clone}}},
         {"poll",
          {{"request", {{"method", "GET"}, {"url", "{{accepted/url}}"}}},
           {"hosts", {host}},
           {"until", {{"at", "/status"}, {"is", "done"}}}}}}}},
      {}, "a.json");
    const auto& rule = loaded.flow->clone.poll->request.address;
    return std::holds_alternative<std::string>(allowed_address(*rule, given));
  };
  EXPECT_TRUE(may_poll("https://a/", "https://api.example/1"));
  EXPECT_FALSE(may_poll("https://a/", "http://api.example/1"));
  EXPECT_TRUE(may_poll("http://a/", "http://api.example/1"));
  EXPECT_TRUE(may_poll("http://a/", "https://api.example/1"));
  // A port that is named is taken as it is.
  EXPECT_TRUE(may_poll("https://a/", "http://api.example/1", "api.example:80"));
}

TEST_F(ConnectionTest, ProvesWhoCalls) {
  const auto sent = [&](const json& auth, std::string url = "/a") {
    const auto through = one({{"auth", auth}});
    auto made = completed(call(std::move(url)), through);
    authorize(made, through, "made-up");
    const auto* field = find_header(made.headers, "Authorization");
    return std::pair{made.url, field != nullptr ? *field : std::string{}};
  };
  const std::string base = "https://api.example/v1/a";
  EXPECT_EQ(sent({{"type", "bearer"}, {"token", "tok"}}),
            (std::pair{base, std::string{"Bearer tok"}}));
  // RFC 7617, section 2.
  EXPECT_EQ(
    sent({{"type", "basic"}, {"user", "Aladdin"}, {"password", "open sesame"}}),
    (std::pair{base, std::string{"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}}));
  EXPECT_EQ(sent(oauth2), (std::pair{base, std::string{"Bearer made-up"}}));
  EXPECT_EQ(sent({{"type", "query"}, {"name", "key"}, {"value", "a&b"}}),
            (std::pair{base + "?key=a%26b", std::string{}}));
  EXPECT_EQ(
    sent({{"type", "query"}, {"name", "key"}, {"value", "v"}}, "/a?b=c"),
    (std::pair{base + "?b=c&key=v", std::string{}}));
}

TEST_F(ConnectionTest, LetsARequestNameOnlyWhatThereIs) {
  flow_defaults defaults;
  defaults.connections = std::make_shared<const connection_set>(
    read({{"graph", {{"url", "https://api.example"}}}}).connections);
  const auto with = [&](const json& request, const json& outcome = nullptr) {
    json clone{{"uid", "/id"}, {"request", request}};
    if (!outcome.is_null())
      clone["outcome"] = outcome;
    const auto loaded =
      read_flow({{"name", "a"}, {"clone", clone}}, defaults, "a.json");
    return loaded.errors.empty() ? std::string{} : to_string(loaded.errors[0]);
  };
  EXPECT_EQ(
    with({{"method", "GET"}, {"connection", "graph"}, {"path", "/{{body/a}}"}}),
    "");
  EXPECT_EQ(with({{"method", "GET"}, {"connection", "graph"}}), "");
  EXPECT_EQ(with({{"method", "GET"}, {"connection", "grap"}, {"path", "/"}}),
            "a.json: /clone/request/connection: \"grap\" names no connection "
            "(did you mean graph?); allowed: graph");
  EXPECT_EQ(with({{"method", "GET"}, {"path", "/a"}, {"url", "http://a/"}}),
            "a.json: /clone/request/path: does nothing without \"connection\"");
  EXPECT_NE(
    with({{"method", "GET"}, {"connection", "graph"}, {"url", "http://a/"}}),
    "");
  EXPECT_NE(with({{"method", "GET"}, {"connection", "graph"}, {"path", "a"}}),
            "");
  EXPECT_NE(with({{"method", "GET"}}), "");
  EXPECT_EQ(
    with({{"method", "GET"}, {"connection", "graph"}, {"path", "/"}},
         {{{"if", {{"status", 403}}}, {"then", "refresh"}}}),
    "a.json: /clone/outcome/0/then: \"refresh\" renews a token, and the "
    "connection \"graph\" has none; allowed with \"auth\" of the type "
    "\"oauth2\"");
}

TEST_F(ConnectionTest, SealsTheSecretsOfConnectionsInAnswersToo) {
  folder_.write("token", "a-long-secret");
  flow_defaults defaults;
  defaults.connections = std::make_shared<const connection_set>(
    read({{"graph",
           {{"url", "https://api.example"},
            {"auth", {{"type", "bearer"}, {"token", "${file:token}"}}}}}})
      .connections);
  const auto loaded = read_flow(
    {{"name", "a"},
     {"clone",
      {{"uid", "/id"},
       {"request",
        {{"method", "GET"}, {"connection", "graph"}, {"path", "/a"}}}}}},
    defaults, "a.json");
  ASSERT_NE(loaded.flow, nullptr);
  EXPECT_EQ(masked(*loaded.flow, "it was a-long-secret"), "it was ***");
}

// What was hidden was the password, but not what is sent of it.
TEST_F(ConnectionTest, HidesTheCredentialsThatAreSent) {
  const auto basic = one(
    {{"auth", {{"type", "basic"}, {"user", "u"}, {"password", "pass-word"}}}});
  EXPECT_EQ(masked(basic.hidden, "Basic dTpwYXNzLXdvcmQ="), "Basic ***=");
  EXPECT_EQ(masked(basic.hidden, "x dTpwYXNzLXdvcmQ"), "x ***");
  const auto kept = sealed_text(basic.hidden, "Basic dTpwYXNzLXdvcmQ=");
  EXPECT_EQ(kept.find("dTpw"), std::string::npos);
  EXPECT_EQ(std::get<std::string>(unsealed_text(basic.hidden, kept)),
            "Basic dTpwYXNzLXdvcmQ=");
  // The client of a token endpoint (RFC 6749, section 2.3.1).
  EXPECT_EQ(masked(one({{"auth", oauth2}}).hidden, "bWU6aHVzaCUyMGh1c2g="),
            "***=");
  EXPECT_EQ(
    masked(one({{"headers",
                 {{"X-Api-Key", "Key abcdefgh1"}, {"X-Own", "Key ijklmnop2"}}}})
             .hidden,
           "abcdefgh1 ijklmnop2"),
    "*** ijklmnop2");
}

TEST_F(ConnectionTest, HidesTheCredentialsThatAFlowMakes) {
  folder_.write("password", "pass-word");
  flow_defaults defaults;
  defaults.base_directory = folder_.path().string();
  const auto loaded = read_flow(
    {{"name", "a"},
     {"clone",
      {{"uid", "/id"},
       {"request",
        {{"method", "GET"},
         {"url", "http://a/"},
         {"headers",
          {{"Authorization",
            "Basic {{query/x ?? \"u:${file:password}\" | base64}}"}}}}}}}},
    defaults, "a.json");
  ASSERT_NE(loaded.flow, nullptr);
  EXPECT_EQ(masked(*loaded.flow, "Basic dTpwYXNzLXdvcmQ="), "Basic ***=");
}

TEST_F(ConnectionTest, HasSecretsAsTheirFilesAreNow) {
  folder_.write("token", "first-token");
  connection_defaults defaults;
  defaults.base_directory = folder_.path().string();
  connection_registry registry{
    read_connections(
      {{"graph",
        {{"url", "https://api.example"},
         {"auth", {{"type", "bearer"}, {"token", "${file:token}"}}}}}},
      defaults, "c.json")
      .connections,
    defaults};
  EXPECT_EQ(registry.find("graph")->auth.secret, "first-token");
  folder_.write("token", "another-token");
  EXPECT_EQ(registry.find("graph")->auth.secret, "another-token");
  std::filesystem::remove(folder_.path() / "token");
  EXPECT_EQ(registry.find("graph")->auth.secret, "another-token");
  EXPECT_EQ(registry.find("gone"), nullptr);
}

TEST_F(ConnectionTest, GivesAFlowItsSecretsAsTheirFilesAreNow) {
  folder_.write("token", "first-token");
  flow_defaults defaults;
  defaults.base_directory = folder_.path().string();
  const auto loaded =
    read_flow({{"name", "a"},
               {"clone",
                {{"uid", "/id"},
                 {"request",
                  {{"method", "GET"},
                   {"url", "http://a/"},
                   {"headers", {{"X-Key", "${file:token}"}}}}}}}},
              defaults, "a.json");
  ASSERT_NE(loaded.flow, nullptr);
  fresh_flows flows{[&](const json& definition) {
    return compile_flow(definition, defaults);
  }};
  const auto key = [&](const flow_ptr& of) {
    return std::get<std::string>(of->clone.request.headers.at(0).second.render(
      {}, template_place::header));
  };
  EXPECT_EQ(flows.now(loaded.flow), loaded.flow);
  folder_.write("token", "another-token");
  const auto now = flows.now(loaded.flow);
  EXPECT_EQ(key(now), "another-token");
  EXPECT_EQ(flows.now(loaded.flow), now);
  EXPECT_EQ(masked(*now, "first-token another-token"), "*** ***");
}

TEST_F(ConnectionTest, IsAllInItsSchema) {
  const auto schema =
    json::parse(read_all(std::filesystem::path{HANDOFF_SOURCE_DIR}
                         / "config/connections.schema.json"));
  for (const auto& object : connection_objects()) {
    const auto& described = schema["$defs"][std::string{object.kind}];
    std::set<std::string> keys;
    for (const auto& [key, rule] : described["properties"].items())
      keys.insert(key);
    EXPECT_EQ(keys,
              (std::set<std::string>{object.keys.begin(), object.keys.end()}));
    EXPECT_EQ(described["additionalProperties"], false);
  }
}

} // namespace handoff::test
