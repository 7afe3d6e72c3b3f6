// What a route's host and path may be, and what is said of others.
#include "common/template/route_address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qleet::templates {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RouteHost, IsComparedInOneForm) {
  const std::pair<const char*, const char*> good[] = {
      {"", ""},
      {"shop.example", "shop.example"},
      {"Shop.EXAMPLE", "shop.example"},
      {"shop.example.", "shop.example"},
      {"localhost", "localhost"},
      {"my_app.example", "my_app.example"},
      {"10.0.0.1", "10.0.0.1"},
      {"xn--bcher-kva.example", "xn--bcher-kva.example"},
      {"*.shop.example", "*.shop.example"},
      {"*.Shop.Example.", "*.shop.example"},
  };
  for (const auto& [written, host] : good) {
    const auto found = route_host(written);
    ASSERT_TRUE(found) << written << ": " << found.error().message;
    EXPECT_EQ(*found, host);
  }
}

TEST(RouteHost, WhatIsNoneIsRefusedWithTheRule) {
  const std::string label64(64, 'a');
  const std::pair<std::string, const char*> bad[] = {
      {"shop.example:8080", "has a port: write \"shop.example\""},
      {"https://shop.example", "is a URL or has a path: write the host alone, \"shop.example\""},
      {"http://shop.example:80/x", "write the host alone, \"shop.example\""},
      {"shop.example/api", "write the host alone, \"shop.example\", and the path under path"},
      {"b\xc3\xbc"
       "cher.example",
       "begins with \"xn--\""},
      {"*", "leave host out for any"},
      {"*.*.example", "as its whole first part alone"},
      {"a*.example", "as its whole first part alone"},
      {"shop.*", "as its whole first part alone"},
      {"*.", "leave host out for any"},
      {"a b", "must be a host name"},
      {"-a.example", "must be a host name"},
      {"a\"b", "must be a host name"},
      {"a..b", "two dots in a row"},
      {".a", "two dots in a row, or begins with one"},
      {".", "two dots in a row, or begins with one"},
      {label64 + ".example", "at most 63"},
      {std::string(126, 'a').replace(60, 1, ".") + "." + std::string(126, 'b'), "at most"},
      {"a\nuse_backend other", "a line break or another control character"},
      {std::string("a\0b", 3), "control character"},
  };
  for (const auto& [written, rule] : bad) {
    const auto found = route_host(written);
    ASSERT_FALSE(found) << written;
    EXPECT_EQ(found.error().code, Code::kInvalid);
    EXPECT_THAT(found.error().message, HasSubstr(rule)) << written;
    EXPECT_THAT(found.error().message, Not(HasSubstr("\n")));
  }
}

TEST(RouteHost, AWildcardStandsForOneLabel) {
  EXPECT_TRUE(is_covered("a.shop.example", "*.shop.example"));
  EXPECT_FALSE(is_covered("a.b.shop.example", "*.shop.example"));
  EXPECT_FALSE(is_covered("shop.example", "*.shop.example"));
  EXPECT_FALSE(is_covered("a.shop.example", "a.shop.example"));
}

TEST(RoutePath, IsComparedInOneForm) {
  for (const auto& [written, path] : std::vector<std::pair<std::string, std::string>>{
           {"", "/"}, {"/", "/"}, {"//", "/"}, {"/api/", "/api"}, {"/a-b_c~1.%20", "/a-b_c~1.%20"}}) {
    const auto found = route_path(written);
    ASSERT_TRUE(found) << written;
    EXPECT_EQ(*found, path);
  }
  for (const char* written : {"api", "/a b", "/a\n", "/*", "/'", "/$(id)"}) EXPECT_FALSE(route_path(written));
}

}  // namespace
}  // namespace qleet::templates
