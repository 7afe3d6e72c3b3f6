#include <gtest/gtest.h>

#include "common/model/model.h"

namespace qleet::model {
namespace {

google::protobuf::Map<std::string, std::string> labels() {
  google::protobuf::Map<std::string, std::string> map;
  map["tier"] = "prod";
  map["geo"] = "eu";
  map["cloud.example/account"] = "a-1";
  return map;
}

struct Case {
  std::string selector;
  bool matches;
};

class Selector : public testing::TestWithParam<Case> {};

TEST_P(Selector, Matches) {
  EXPECT_TRUE(check_selector(GetParam().selector));
  EXPECT_EQ(matches(GetParam().selector, labels()), GetParam().matches) << GetParam().selector;
}

INSTANTIATE_TEST_SUITE_P(
    All, Selector,
    testing::Values(Case{"", true}, Case{"  ", true}, Case{"tier=prod", true}, Case{"tier==prod", true},
                    Case{"tier = prod , geo = eu", true}, Case{"tier=dev", false}, Case{"tier!=dev", true},
                    Case{"other!=x", true}, Case{"other=", false}, Case{"geo in (us, eu)", true},
                    Case{"geo in (us)", false}, Case{"geo notin (us,asia)", true},
                    Case{"geo notin (eu)", false}, Case{"other notin (eu)", true}, Case{"geo", true},
                    Case{"other", false}, Case{"!other", true}, Case{"!geo", false},
                    Case{"cloud.example/account=a-1", true}, Case{"tier=prod,geo in (us)", false}));

struct Wrong {
  std::string selector;
  std::string why;
};

class WrongSelector : public testing::TestWithParam<Wrong> {};

TEST_P(WrongSelector, IsRefused) {
  const auto checked = check_selector(GetParam().selector);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().message, "\"" + GetParam().selector + "\" is not a label selector: " +
                                         GetParam().why + "; write for example \"tier=prod,geo in (eu,us)\"");
  EXPECT_FALSE(matches(GetParam().selector, labels()));
}

INSTANTIATE_TEST_SUITE_P(All, WrongSelector,
                         testing::Values(Wrong{"=x", "a label's name is missing"},
                                         Wrong{"a=b,", "it ends with a comma"},
                                         Wrong{"a=b c=d", "a comma is missing between two terms"},
                                         Wrong{"a ~ b", "after \"a\" comes =, !=, in or notin"},
                                         Wrong{"a in b", "after \"in\" come values in parentheses"},
                                         Wrong{"a in (b", "a closing parenthesis is missing"},
                                         Wrong{"!", "a label's name is missing after \"!\""}));

TEST(Glob, StarsAndQuestionMarks) {
  EXPECT_TRUE(glob("main-*", "main-4f2c"));
  EXPECT_TRUE(glob("*", ""));
  EXPECT_TRUE(glob("v?.*", "v1.2"));
  EXPECT_TRUE(glob("*a*b", "xaayb"));
  EXPECT_FALSE(glob("main-*", "dev-main-1"));
  EXPECT_FALSE(glob("v?", "v"));
  EXPECT_FALSE(glob("", "x"));
  EXPECT_TRUE(glob("", ""));
}

TEST(Nearest, WhatWasMeant) {
  const std::vector<std::string> known = {"image", "command", "variables", "targetPort"};
  EXPECT_EQ(nearest("variabels", known), "variables");
  EXPECT_EQ(nearest("target_port", known), "targetPort");
  EXPECT_EQ(nearest("targetport", known), "targetPort");
  EXPECT_EQ(nearest("Image", known), "image");
  EXPECT_EQ(nearest("zzz", known), "");
  EXPECT_EQ(nearest("ab", {"xy", "db"}), "db");
}

TEST(Name, Rfc1123Label) {
  for (const auto* good : {"a", "shop", "shop-2", "2shop"}) EXPECT_TRUE(is_name(good)) << good;
  for (const auto* bad : {"", "-a", "a-", "Shop", "a.b", "a_b", "a b", "\xc3\xa4"})
    EXPECT_FALSE(is_name(bad)) << bad;
  EXPECT_TRUE(is_name(std::string(63, 'a')));
  EXPECT_FALSE(is_name(std::string(64, 'a')));
}

TEST(Kinds, AreFoundByAnyOfTheirWords) {
  for (const auto* word : {"Application", "applications", "application", "app", "APP"}) {
    ASSERT_NE(find_kind(word), nullptr) << word;
    EXPECT_EQ(find_kind(word)->name, "Application");
  }
  EXPECT_EQ(find_kind("apps-x"), nullptr);
  for (const auto& kind : kinds()) {
    EXPECT_EQ(find_kind(kind.short_name), &kind);
    Object object(kind.prototype->New());
    meta(*object).set_name("x");
    EXPECT_EQ(meta(std::as_const(*object)).name(), "x");
    EXPECT_EQ(&kind_of(*object), &kind);
  }
}

}  // namespace
}  // namespace qleet::model
