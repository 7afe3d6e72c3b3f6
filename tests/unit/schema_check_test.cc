#include "hub/fleet/schema_check.h"

#include <gtest/gtest.h>

#include <functional>

namespace qleet::hub {
namespace {

google::protobuf::Value nested(int depth) {
  google::protobuf::Value value;
  for (int i = 0; i < depth; ++i) {
    google::protobuf::Value outer;
    (*outer.mutable_struct_value()->mutable_fields())["properties"] = value;
    value = outer;
  }
  return value;
}

struct BadSchema {
  std::string name;
  std::function<void(v1::ProviderSchema&)> spoil;
};

class SchemaCheck : public testing::TestWithParam<BadSchema> {};

google::protobuf::Value& field(v1::ProviderSchema& schema, const std::string& name) {
  return (*schema.mutable_template_()->mutable_fields())[name];
}

TEST_P(SchemaCheck, IsLeftOutAndTheOthersAreKept) {
  ProviderSchemas schemas;
  schemas.Add()->set_provider("first");
  auto& bad = *schemas.Add();
  bad.set_provider("bad");
  GetParam().spoil(bad);
  schemas.Add()->set_provider("last");
  EXPECT_EQ(drop_bad(schemas), 1U);
  ASSERT_EQ(schemas.size(), 2);
  EXPECT_EQ(schemas[0].provider(), "first");
  EXPECT_EQ(schemas[1].provider(), "last");
}

INSTANTIATE_TEST_SUITE_P(
    Bad, SchemaCheck,
    testing::Values(BadSchema{"Nameless", [](auto& schema) { schema.clear_provider(); }},
                    BadSchema{"Twice", [](auto& schema) { schema.set_provider("first"); }},
                    BadSchema{"ProviderThatIsNoWord", [](auto& schema) { schema.set_provider("a b"); }},
                    BadSchema{"Large",
                              [](auto& schema) {
                                for (int i = 0; i < 1000; ++i)
                                  field(schema, "field" + std::to_string(i)).set_string_value("0123456789");
                              }},
                    BadSchema{"ManyOutputs",
                              [](auto& schema) {
                                for (int i = 0; i < 300; ++i) schema.add_outputs("o");
                              }},
                    BadSchema{"OutputThatIsNoWord", [](auto& schema) { schema.add_outputs("\x1b[31m"); }},
                    BadSchema{"EmptyOutput", [](auto& schema) { schema.add_outputs(""); }},
                    BadSchema{"FieldThatIsNoWord", [](auto& schema) { field(schema, "a\nb"); }},
                    BadSchema{"LongField", [](auto& schema) { field(schema, std::string(65, 'x')); }},
                    BadSchema{"ControlInAText",
                              [](auto& schema) { field(schema, "description").set_string_value("\x1b[2J"); }},
                    BadSchema{"LongText",
                              [](auto& schema) {
                                field(schema, "description").set_string_value(std::string(2000, 'x'));
                              }},
                    BadSchema{"Deep", [](auto& schema) { field(schema, "properties") = nested(20); }}),
    [](const auto& info) { return info.param.name; });

TEST(SchemaLimits, NoMoreThanSoMuchInAll) {
  ProviderSchemas schemas;
  for (int i = 0; i < 10; ++i) {
    auto& schema = *schemas.Add();
    schema.set_provider("p" + std::to_string(i));
    for (int k = 0; k < 10; ++k)
      field(schema, "d" + std::to_string(k)).set_string_value(std::string(1000, 'x'));
  }
  EXPECT_EQ(drop_bad(schemas), 4U);  // of 10 KiB each
  EXPECT_EQ(schemas.size(), 6);
}

TEST(SchemaLimits, EqualOnesHaveEqualHashes) {
  ProviderSchemas a;
  auto& schema = *a.Add();
  schema.set_provider("x");
  for (int i = 0; i < 50; ++i) field(schema, "f" + std::to_string(i)).set_bool_value(true);
  ProviderSchemas b;
  auto& other = *b.Add();
  other.set_provider("x");
  for (int i = 49; i >= 0; --i) field(other, "f" + std::to_string(i)).set_bool_value(true);
  EXPECT_EQ(hash_of(a), hash_of(b));
  other.add_outputs("name");
  EXPECT_NE(hash_of(a), hash_of(b));
}

}  // namespace
}  // namespace qleet::hub
