// What must stop before its next version starts: by a table.
#include "common/template/replacement.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

namespace qleet::templates {
namespace {

struct Row {
  const char* name;
  const char* object;
  bool stops_first;
  const char* volume;
};

class ReplacementTest : public testing::TestWithParam<Row> {};

TEST_P(ReplacementTest, IsDecidedByWhatIsWritten) {
  google::protobuf::Struct object;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(GetParam().object, &object).ok());
  const auto replacement = replacement_of(object);
  EXPECT_EQ(replacement.stops_first, GetParam().stops_first);
  EXPECT_EQ(replacement.volume, GetParam().volume);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReplacementTest,
    testing::Values(
        Row{"NoVolume", R"({"score":{"containers":{"a":{"image":"x"}}}})", false, ""},
        Row{"Written",
            R"({"score":{"containers":{"a":{"volumes":[{"source":"${resources.data}","target":"/d"}]}}}})",
            true, "data"},
        Row{"WrittenByItsOutput",
            R"({"kind":"workload","score":{"containers":{"a":{"volumes":[{"source":"${resources.data.name}"}]}}}})",
            true, "data"},
        Row{"WrittenByName", R"({"score":{"containers":{"a":{"volumes":[{"source":"qleet-x"}]}}}})", true,
            "qleet-x"},
        Row{"WrittenInAMap",
            R"({"score":{"containers":{"a":{"volumes":{"/d":{"source":"${resources.data}"}}}}}})", true,
            "data"},
        Row{"ReadOnly",
            R"({"score":{"containers":{"a":{"volumes":[{"source":"${resources.data}","readOnly":true}]}}}})",
            false, ""},
        Row{"TheSecondContainerWrites",
            R"({"score":{"containers":{"a":{"volumes":[{"source":"r","readOnly":true}]},"b":{"volumes":[{"source":"w"}]}}}})",
            true, "w"},
        Row{"ReplicasShareItAlready",
            R"({"replicas":2,"score":{"containers":{"a":{"volumes":[{"source":"${resources.data}"}]}}}})",
            false, ""},
        Row{"ReplicasAsText", R"({"replicas":"3","score":{"containers":{"a":{"volumes":[{"source":"v"}]}}}})",
            false, ""},
        Row{"OneReplica", R"({"replicas":1,"score":{"containers":{"a":{"volumes":[{"source":"v"}]}}}})", true,
            "v"},
        Row{"ProfileSaysRolling",
            R"({"update":"rolling","score":{"containers":{"a":{"volumes":[{"source":"v"}]}}}})", false, ""},
        Row{"ProfileSaysStopFirst", R"({"update":"stopFirst","replicas":3,"score":{"containers":{"a":{}}}})",
            true, ""},
        Row{"Container", R"({"kind":"container","image":"x","volumes":{"/d":"${requires.data.name}"}})", true,
            "data"},
        Row{"ContainerByItsImage", R"({"image":"x","volumes":{"/d":{"name":"v","readOnly":true}}})", true,
            ""},
        Row{"Exec", R"({"container":"x","check":["true"]})", false, ""},
        Row{"Volume", R"({"kind":"volume","size":"1Gi"})", false, ""}, Row{"Nothing", "{}", false, ""}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace qleet::templates
