#include "common/model/params_check.h"

#include <gtest/gtest.h>

#include "common/model/model.h"
#include "common/template/template.h"

namespace qleet::model {
namespace {

using google::protobuf::Struct;

Struct yaml(std::string_view text) {
  Struct value;
  const auto done = decode_into(text, value);
  EXPECT_TRUE(done) << done.error().message;
  return value;
}

Struct parameters() {
  return yaml(R"(
version: {type: string, default: "15", enum: ["14", "15", "16"]}
size: {type: string, pattern: "^[0-9]+Gi$", description: how much}
replicas: {type: integer, minimum: 1, maximum: 9, default: 1}
ratio: {type: number}
name: {type: string, minLength: 2, maxLength: 5}
debug: {type: boolean}
extra: {type: object}
hosts: {type: array}
share: {type: [boolean, array]}
any: {}
)");
}

std::string checked(std::string_view params) {
  const auto result = check_params(parameters(), yaml(params));
  if (result) return templates::canonical(*result);
  std::string all;
  for (const auto& error : result.error().fields) all += (all.empty() ? "" : "\n") + describe(error);
  return all;
}

struct Case {
  std::string name;
  std::string params;
  std::string result;
};

class Params : public testing::TestWithParam<Case> {};

TEST_P(Params, AreChecked) { EXPECT_EQ(checked(GetParam().params), GetParam().result); }

INSTANTIATE_TEST_SUITE_P(
    All, Params,
    testing::Values(
        Case{"OneOfTwoTypes", "{share: true}", R"({"replicas":1,"share":true,"version":"15"})"},
        Case{"TheOtherOfTwoTypes", "{share: [a]}", R"({"replicas":1,"share":["a"],"version":"15"})"},
        Case{"NoneOfTwoTypes", "{share: two}",
             R"(params.share: must be true or false, or a list, not "two")"},
        Case{"Defaults", "{}", R"({"replicas":1,"version":"15"})"},
        Case{
            "Given",
            "{version: \"16\", size: 10Gi, replicas: 3, ratio: 0.5, debug: true, extra: {a: 1}, hosts: [a], "
            "any: 1}",
            R"({"any":1,"debug":true,"extra":{"a":1},"hosts":["a"],"ratio":0.5,"replicas":3,"size":"10Gi","version":"16"})"},
        Case{"NumberForAText", "{version: 16}", R"({"replicas":1,"version":"16"})"},
        Case{"Placeholder", "{size: \"${resources.x.size}\", replicas: \"${variables.n}\"}",
             R"({"replicas":"${variables.n}","size":"${resources.x.size}","version":"15"})"},
        Case{"UnknownNear", "{verison: \"15\"}",
             "params.verison: unknown parameter; did you mean \"version\"?"},
        Case{"UnknownFar", "{zzzzzzzz: 1}",
             "params.zzzzzzzz: unknown parameter; there is: any, debug, extra, hosts, name, ratio, replicas, "
             "share, size, "
             "version"},
        Case{"NotInEnum", "{version: \"17\"}",
             "params.version: \"17\" is not one of: \"14\", \"15\", \"16\"; did you mean \"14\"?"},
        Case{"Pattern", "{size: 10GB}", "params.size: \"10GB\" does not match the pattern ^[0-9]+Gi$"},
        Case{"Minimum", "{replicas: 0}", "params.replicas: must be at least 1, and is 0"},
        Case{"Maximum", "{replicas: 10}", "params.replicas: must be at most 9, and is 10"},
        Case{"Fraction", "{replicas: 1.5}", "params.replicas: must be a whole number, not 1.5"},
        Case{"Text", "{replicas: many}", "params.replicas: must be a whole number, not \"many\""},
        Case{"Number", "{ratio: half}", "params.ratio: must be a number, not \"half\""},
        Case{"FractionForAText", "{version: 1.10}", "params.version: must be a text, not 1.1"},
        Case{"Bool", "{debug: \"yes\"}", "params.debug: must be true or false, not \"yes\""},
        Case{"Object", "{extra: [1]}", "params.extra: must be an object, not a list"},
        Case{"List", "{hosts: {a: 1}}", "params.hosts: must be a list, not an object"},
        Case{"Null", "{name: null}", "params.name: must be a text, not null"},
        Case{"TooShort", "{name: a}", "params.name: must have at least 2 characters"},
        Case{"TooLong", "{name: abcdef}", "params.name: must have at most 5 characters"},
        Case{"CharactersNotBytes", "{name: \"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\"}",
             "{\"name\":\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\",\"replicas\":1,\"version\":\"15\"}"},
        Case{"Several", "{debug: 1, ratio: x}",
             "params.debug: must be true or false, not 1\nparams.ratio: must be a number, not \"x\""}),
    [](const auto& info) { return info.param.name; });

TEST(Params, RequiredOnesMustBeGiven) {
  const auto schema = yaml("host: {type: string, required: true}\nport: {required: true, default: 80}\n");
  const auto result = check_params(schema, {}, "spec.workloads.web.score.resources.url.params");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::kInvalid);
  EXPECT_EQ(result.error().message, "spec.workloads.web.score.resources.url.params.host: is missing");
  EXPECT_EQ(templates::canonical(*check_params(schema, yaml("host: x"))), R"({"host":"x","port":80})");
}

// A pattern comes from one person and the text from another.
TEST(Params, NoPatternTakesLong) {
  const auto schema = yaml("a: {type: string, pattern: '^(a+)+$'}");
  Struct params;
  (*params.mutable_fields())["a"].set_string_value(std::string(100'000, 'a') + "b");
  EXPECT_EQ(check_params(schema, params).error().message,
            "params.a: a long text does not match the pattern ^(a+)+$");
}

}  // namespace
}  // namespace qleet::model
