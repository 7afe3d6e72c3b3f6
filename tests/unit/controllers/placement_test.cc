#include "hub/controllers/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/protos.h"

namespace qleet::hub::controllers {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

v1::Region region(const std::string& name, const std::map<std::string, std::string>& labels = {},
                  bool cordoned = false) {
  v1::Region region;
  region.mutable_metadata()->set_name(name);
  for (const auto& [key, value] : labels) (*region.mutable_metadata()->mutable_labels())[key] = value;
  region.mutable_spec()->set_cordoned(cordoned);
  return region;
}

v1::RegionChoice choice(const std::string& json) { return tests::from_json<v1::RegionChoice>(json); }

struct Case {
  std::string name;
  std::string choice;
  std::vector<v1::Region> all;
  std::vector<std::string> current;
  std::vector<std::string> expected;
  std::string message;
};

class Placing : public testing::TestWithParam<Case> {};

TEST_P(Placing, Chooses) {
  const auto& c = GetParam();
  std::vector<const v1::Region*> all;
  for (const auto& one : c.all) all.push_back(&one);
  const auto placement = place(choice(c.choice), all, c.current, "prod");
  EXPECT_EQ(placement.regions, c.expected);
  EXPECT_EQ(placement.message, c.message);
  EXPECT_EQ(placement.blocked, c.expected.empty());
}

const auto kEu1 = region("eu-1", {{"tier", "prod"}, {"geography", "eu"}});
const auto kEu2 = region("eu-2", {{"tier", "prod"}, {"geography", "eu"}});
const auto kUs1 = region("us-1", {{"tier", "prod"}, {"geography", "us"}});
const auto kDev = region("lab", {{"tier", "dev"}});

INSTANTIATE_TEST_SUITE_P(
    Table, Placing,
    testing::Values(
        Case{"EmptySelectorTakesAll", "{}", {kUs1, kEu1, kDev}, {}, {"eu-1", "lab", "us-1"}, ""},
        Case{"SelectorTakesThoseThatMatch",
             R"({"selector":"tier=prod"})",
             {kUs1, kEu1, kDev},
             {},
             {"eu-1", "us-1"},
             ""},
        Case{"CountTakesTheFirstByName",
             R"({"selector":"tier=prod","count":1})",
             {kUs1, kEu2, kEu1},
             {},
             {"eu-1"},
             ""},
        Case{"SpreadPrefersDifferingValues",
             R"({"selector":"tier=prod","count":2,"spreadBy":"geography"})",
             {kEu1, kEu2, kUs1},
             {},
             {"eu-1", "us-1"},
             ""},
        Case{"SpreadFillsUpEvenly",
             R"({"selector":"tier=prod","count":3,"spreadBy":"geography"})",
             {kEu1, kEu2, kUs1},
             {},
             {"eu-1", "eu-2", "us-1"},
             ""},
        Case{"KeepsWhatItHas", R"({"selector":"tier=prod","count":1})", {kEu1, kUs1}, {"us-1"}, {"us-1"}, ""},
        Case{"KeepsWhatItHasEvenWhereSpreadWouldDiffer",
             R"({"selector":"tier=prod","count":2,"spreadBy":"geography"})",
             {kEu1, kEu2, kUs1},
             {"eu-1", "eu-2"},
             {"eu-1", "eu-2"},
             ""},
        Case{"GivesUpASurplusOfOneValueFirst",
             R"({"selector":"tier=prod","count":2,"spreadBy":"geography"})",
             {kEu1, kEu2, kUs1},
             {"eu-1", "eu-2", "us-1"},
             {"eu-1", "us-1"},
             ""},
        Case{"LeavesWhatNoLongerMatches", R"({"selector":"tier=prod"})", {kEu1, kDev}, {"lab"}, {"eu-1"}, ""},
        Case{"CordonedTakesNothingNew", "{}", {region("a", {}, true), region("b")}, {}, {"b"}, ""},
        Case{"CordonedKeepsWhatItHas", "{}", {region("a", {}, true), region("b")}, {"a"}, {"a", "b"}, ""},
        Case{"CordonedIsGivenUpFirst",
             R"({"count":1})",
             {region("a", {}, true), region("b")},
             {"a", "b"},
             {"b"},
             ""},
        Case{"SaysWhenThereAreTooFew",
             R"({"selector":"tier=prod","count":2})",
             {kEu1, kDev},
             {},
             {"eu-1"},
             "environment prod asks for 2 regions, 1 matches its selector \"tier=prod\""},
        Case{"NoRegionsAtAll",
             "{}",
             {},
             {},
             {},
             "environment prod has no region to run in: there are no regions yet; add one with qleet agent "
             "join-token --region <name>"},
        Case{"NoneMatches",
             R"({"selector":"tier=gold"})",
             {kUs1, kDev, region("bare")},
             {},
             {},
             "no region matches the selector \"tier=gold\" of environment prod; there is: bare (no labels), "
             "lab "
             "(tier=dev), us-1 (geography=us,tier=prod)"},
        Case{"AllCordoned",
             "{}",
             {region("a", {}, true)},
             {},
             {},
             "environment prod has no region that takes something new: a is cordoned"}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace qleet::hub::controllers
