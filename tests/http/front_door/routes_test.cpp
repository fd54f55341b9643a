#include "http/admin/openapi.hpp"
#include "http/front_door/routes.hpp"
#include "job/error.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>
#include <string>

namespace handoff {
namespace {

using nlohmann::json;

json document() {
  return json::parse(openapi_document());
}

/// "GET /livez" and the others.
std::set<std::string> described() {
  std::set<std::string> all;
  const auto read = document();
  for (const auto& [path, item] : read.at("paths").items())
    for (const std::string method :
         {"get", "put", "post", "delete", "patch", "head", "options"})
      if (item.contains(method)) {
        std::string name = method;
        for (auto& each : name)
          each = static_cast<char>(std::toupper(each));
        all.insert(name + ' ' + path);
      }
  return all;
}

std::set<std::string> answered() {
  std::set<std::string> all;
  for (const auto table : {ingress_table(), admin_table()})
    for (const auto& each : table)
      all.insert(std::string{each.method} + ' ' + std::string{each.path});
  return all;
}

TEST(RoutesTest, AreThoseThatOpenApiDescribes) {
  EXPECT_EQ(described(), answered());
}

TEST(RoutesTest, HaveWebhooksOnTheirOwnListener) {
  const auto read = document();
  for (const auto& each : ingress_table())
    EXPECT_TRUE(
      read.at("paths").at(std::string{each.path}).contains("servers"));
  for (const auto& each : admin_table())
    EXPECT_FALSE(
      read.at("paths").at(std::string{each.path}).contains("servers"));
}

TEST(RoutesTest, AreDescribedInThisVersion) {
  EXPECT_EQ(document().at("info").at("version"), HANDOFF_VERSION);
}

TEST(RoutesTest, NameOnlyProblemsThatThereAre) {
  const auto read = document();
  for (const auto& [name, each] :
       read.at("components").at("responses").items()) {
    const auto& types = each.at("content")
                          .at("application/problem+json")
                          .at("schema")
                          .at("properties")
                          .at("type")
                          .at("enum");
    for (const auto& type : types) {
      const auto kind = type.get<std::string>().substr(10);
      EXPECT_EQ(handoff::name(error_kind_from(kind)), kind) << name;
    }
  }
}

TEST(RoutesTest, MatchWholePaths) {
  EXPECT_TRUE(has_path(admin_table(), {"api", "v1", "jobs"}));
  EXPECT_TRUE(has_path(admin_table(), {"api", "v1", "jobs", "x"}));
  EXPECT_TRUE(has_path(admin_table(), {"api", "v1", "jobs", "x", "retry"}));
  EXPECT_FALSE(has_path(admin_table(), {"api", "v1", "jobs", "x", "other"}));
  EXPECT_FALSE(has_path(admin_table(), {"api", "v1"}));
  EXPECT_FALSE(has_path(admin_table(), {}));
  EXPECT_FALSE(has_path(admin_table(), {"livez", ""}));
  EXPECT_FALSE(has_path(ingress_table(), {"hooks"}));
  EXPECT_TRUE(has_path(ingress_table(), {"hooks", "a/b"}));
}

} // namespace
} // namespace handoff
