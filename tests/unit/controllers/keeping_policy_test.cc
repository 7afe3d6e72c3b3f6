// What becomes of a resource after its grace period, by what its profile says and by what a store holds.
#include <gtest/gtest.h>

#include "common/model/keeping.h"
#include "tests/unit/controllers/protos.h"

namespace qleet::model {
namespace {

using qleet::tests::from_json;

struct Case {
  const char* name;
  const char* profile;  // its spec
  const char* asked_class;
  AfterGrace after;
  bool keeps;
  bool holds;
};

class Keeping : public testing::TestWithParam<Case> {};

TEST_P(Keeping, FollowsTheProfile) {
  const auto& c = GetParam();
  const auto profile = from_json<v1::ProfileSpec>(c.profile);
  v1::ResourceSpec spec;
  spec.set_type(profile.satisfies().type());
  spec.set_class_(c.asked_class);
  set_keeping(spec, profile);
  EXPECT_EQ(after_grace(spec), c.after);
  EXPECT_EQ(keeps_data(spec), c.keeps);
  EXPECT_EQ(holds_data(spec), c.holds);
  spec.set_data_may_go(true);
  EXPECT_EQ(after_grace(spec), c.after == AfterGrace::kKeep ? AfterGrace::kDelete : c.after);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Keeping,
    testing::Values(
        Case{"Server", R"({"satisfies":{"type":"postgres"}})", "", AfterGrace::kDelete, false, false},
        Case{"Volume", R"({"satisfies":{"type":"volume"}})", "", AfterGrace::kKeep, true, true},
        Case{"VolumeOfOldProfile", R"({"satisfies":{"type":"volume"},"whenUnused":{"do":"delete"}})", "",
             AfterGrace::kKeep, true, true},
        Case{"VolumeThatIsACache", R"({"satisfies":{"type":"volume"},"keepsData":false})", "",
             AfterGrace::kDelete, false, true},
        Case{"VolumeThatSaysSo", R"({"satisfies":{"type":"volume"},"keepsData":true})", "", AfterGrace::kKeep,
             true, true},
        Case{"DatabaseInAServer", R"({"satisfies":{"type":"postgres"},"keepsData":true})", "",
             AfterGrace::kKeep, true, true},
        Case{"ServerWithout", R"({"satisfies":{"type":"postgres"},"keepsData":false})", "",
             AfterGrace::kDelete, false, false},
        Case{"Retains", R"({"satisfies":{"type":"postgres"},"whenUnused":{"do":"retain"}})", "",
             AfterGrace::kRetain, true, true},
        Case{"AskedForAsRetained", R"({"satisfies":{"type":"redis"}})", "retained", AfterGrace::kRetain, true,
             true},
        Case{"CacheAskedForAsRetained", R"({"satisfies":{"type":"volume"},"keepsData":false})", "retained",
             AfterGrace::kRetain, true, true},
        Case{"Workload", R"({"satisfies":{"type":"workload"},"keepsData":true,"whenUnused":{"do":"retain"}})",
             "", AfterGrace::kDelete, false, false}),
    [](const auto& info) { return info.param.name; });

// A hub before this one wrote no word of data.
TEST(Keeping, OfWhatAStoreHoldsIsByItsType) {
  const auto volume =
      from_json<v1::ResourceSpec>(R"({"type":"volume","whenUnused":{"afterMs":600000,"do":"delete"}})");
  EXPECT_EQ(after_grace(volume), AfterGrace::kKeep);
  const auto server =
      from_json<v1::ResourceSpec>(R"({"type":"redis","whenUnused":{"afterMs":600000,"do":"delete"}})");
  EXPECT_EQ(after_grace(server), AfterGrace::kDelete);
  // And the same is written for it today, so that nothing gets a new generation.
  v1::ResourceSpec today;
  today.set_type("volume");
  today.mutable_when_unused()->set_after_ms(600'000);
  set_keeping(today, from_json<v1::ProfileSpec>(R"({"satisfies":{"type":"volume"}})"));
  EXPECT_EQ(today.SerializeAsString(), volume.SerializeAsString());
}

TEST(Keeping, OfAProfileIsThatOfWhatItMakes) {
  EXPECT_EQ(after_grace(from_json<v1::ProfileSpec>(R"({"satisfies":{"type":"volume"}})")), AfterGrace::kKeep);
  EXPECT_EQ(after_grace(from_json<v1::ProfileSpec>(R"({"satisfies":{"type":"volume","class":"retained"}})")),
            AfterGrace::kRetain);
}

}  // namespace
}  // namespace qleet::model
