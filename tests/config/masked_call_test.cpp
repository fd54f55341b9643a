#include "config/masked_call.hpp"

#include <gtest/gtest.h>

namespace handoff {
namespace {

outbound_call call_with(std::string body, std::string type) {
  outbound_call call;
  call.url = "https://api.example/a?access_token=abc&k=tok%2Ben%2Fsecret&n=1";
  call.headers = {{"Authorization", "abc"},
                  {"X-Api-Key", "k"},
                  {"X-Plain", "is tok+en/secret"},
                  {"Content-Type", std::move(type)}};
  call.body = std::move(body);
  return call;
}

const secrets hidden{{"tok+en/secret", "env:B"}};

} // namespace

TEST(MaskedCallTest, HidesSecretsAndWhatIsNamedASecret) {
  const auto shown = masked(hidden, call_with("", "application/json"));
  EXPECT_EQ(shown.url, "https://api.example/a?access_token=***&k=***&n=1");
  // However short it is.
  EXPECT_EQ(shown.headers[0].value, "***");
  EXPECT_EQ(shown.headers[1].value, "***");
  EXPECT_EQ(shown.headers[2].value, "is ***");
  EXPECT_EQ(shown.headers[3].value, "application/json");
}

TEST(MaskedCallTest, HidesMembersOfTheBody) {
  const struct {
    const char* type;
    const char* body;
    const char* shown;
  } rows[] = {
    {"application/json",
     R"({"user":"u","password":"p","deep":[{"api_key":7}],"b":"tok+en/secret"})",
     R"({"user":"u","password":"***","deep":[{"api_key":"***"}],"b":"***"})"},
    {"application/x-www-form-urlencoded",
     "k=tok%2Ben%2Fsecret&user%5Bpassword%5D=p&n=1",
     "k=***&user%5Bpassword%5D=***&n=1"},
    {"text/plain", "a=1&token=is+shown tok+en/secret",
     "a=1&token=is+shown ***"},
  };

  for (const auto& row : rows)
    EXPECT_EQ(masked(hidden, call_with(row.body, row.type)).body, row.shown);
}

} // namespace handoff
