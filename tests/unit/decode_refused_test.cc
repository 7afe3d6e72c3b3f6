// Every malformed thing is refused with its exact message, and what is too large or too deep before it costs
// anything.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/decode_examples.h"

namespace qleet::model {
namespace {

struct Bad {
  std::string name;
  std::string text;
  std::string message;
};

class Malformed : public testing::TestWithParam<Bad> {};

TEST_P(Malformed, IsRefusedWithItsMessage) {
  EXPECT_EQ(refused(GetParam().text), GetParam().message);
  const auto decoded = decode(GetParam().text);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::kInvalid);
}

std::string name_of(const testing::TestParamInfo<Bad>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(
    Application, Malformed,
    testing::Values(
        Bad{"UnknownFieldNear", replaced(kShop, "variables:", "variabels:"),
            "line 12: spec.workloads.web.score.containers.web.variabels: unknown field; did you mean "
            "\"variables\"?"},
        Bad{"UnknownFieldFar", replaced(kShop, "replicas: 2", "zzzzzz: 2"),
            "line 21: spec.workloads.web.zzzzzz: unknown field; known here: score, replicas, builds, "
            "renamedFrom, offers"},
        Bad{"SnakeCase", replaced(kShop, "targetPort", "target_port"),
            "line 16: spec.workloads.web.score.service.ports.http.target_port: unknown field; did you mean "
            "\"targetPort\"?"},
        Bad{"OursInsideScore", replaced(kShop, "        service:", "        replicas: 3\n        service:"),
            "line 16: spec.workloads.web.score.replicas: unknown field; known here: apiVersion, metadata, "
            "service, "
            "containers, resources"},
        Bad{"NoApiVersion", "kind: Application\nmetadata: {name: x}\n",
            "line 1: apiVersion: is missing; write \"apiVersion: qleet.io/v1\""},
        Bad{"NoApiVersionOfScore", "metadata: {name: x}\ncontainers: {}\n",
            "line 1: apiVersion: is missing; write \"apiVersion: score.dev/v1b1\""},
        Bad{"WrongApiVersion", "apiVersion: qleet.io/v2\nkind: Application\n",
            "line 1: apiVersion: unknown version \"qleet.io/v2\"; known are qleet.io/v1 and, for Score "
            "files, "
            "score.dev/v1b1"},
        Bad{"NoKind", "apiVersion: qleet.io/v1\nmetadata: {name: x}\n",
            "line 1: kind: is missing; write one of Application, Environment, Profile, Region, Secret, "
            "ServiceAccount, Role, RoleBinding"},
        Bad{"UnknownKind", "apiVersion: qleet.io/v1\nkind: Aplication\n",
            "line 2: kind: unknown kind \"Aplication\"; did you mean \"Application\"?"},
        Bad{"KindInLowerCase", "apiVersion: qleet.io/v1\nkind: application\n",
            "line 2: kind: unknown kind \"application\"; did you mean \"Application\"?"},
        Bad{"UnknownKindFar", "apiVersion: qleet.io/v1\nkind: Ingress\n",
            "line 2: kind: unknown kind \"Ingress\"; known are Application, Environment, Profile, Region, "
            "Secret, "
            "ServiceAccount, Role, RoleBinding"},
        Bad{"NoName", "apiVersion: qleet.io/v1\nkind: Region\n", "line 1: metadata.name: is missing"},
        Bad{"EmptyName", "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: \"\"}\n",
            "line 3: metadata.name: is missing"},
        Bad{"WrongName", "apiVersion: qleet.io/v1\nkind: Region\nmetadata:\n  name: EU_1\n",
            "line 4: metadata.name: \"EU_1\" is not a name: lower-case letters, digits and - only, at most "
            "63, not "
            "starting or ending with -"},
        Bad{"GivenTwice", replaced(kShop, "      replicas: 2", "      replicas: 2\n      replicas: 3"),
            "line 22: spec.workloads.web.replicas: is given twice, first in line 21"},
        Bad{"MapKeyGivenTwice",
            replaced(kShop, "          db:", "          db: {type: mysql}\n          db:"),
            "line 19: spec.workloads.web.score.resources.db: is given twice, first in line 18"},
        Bad{"ObjectGivenTwice",
            "{apiVersion: qleet.io/v1, kind: Region, metadata: {name: a}}\n---\n{apiVersion: qleet.io/v1, "
            "kind: "
            "Region, metadata: {name: a}}\n",
            "line 3: metadata.name: Region \"a\" is given twice, first in line 1"},
        Bad{"ObjectGivenTwiceInBlocks",
            "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: a}\n---\napiVersion: qleet.io/v1\nkind: "
            "Region\nmetadata: {name: a}\n",
            "line 5: metadata.name: Region \"a\" is given twice, first in line 1"},
        Bad{"SeveralAtOnce",
            replaced(replaced(kShop, "variables:", "variabels:"), "replicas: 2", "replicas: two"),
            "line 12: spec.workloads.web.score.containers.web.variabels: unknown field; did you mean "
            "\"variables\"?\n"
            "line 21: spec.workloads.web.replicas: must be a whole number, not two"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Types, Malformed,
    testing::Values(
        Bad{"NumberWanted", replaced(kShop, "replicas: 2", "replicas: \"2x\""),
            "line 21: spec.workloads.web.replicas: must be a whole number, not \"2x\""},
        Bad{"Negative", replaced(kShop, "replicas: 2", "replicas: -1"),
            "line 21: spec.workloads.web.replicas: must not be negative, and is -1"},
        Bad{"TooLarge", replaced(kShop, "replicas: 2", "replicas: 4294967296"),
            "line 21: spec.workloads.web.replicas: 4294967296 is too large; at most 4294967295"},
        Bad{"Fraction", replaced(kShop, "replicas: 2", "replicas: 1.5"),
            "line 21: spec.workloads.web.replicas: must be a whole number, not 1.5"},
        Bad{"PlaceholderForANumber", replaced(kShop, "port: 8080}}", "port: \"${resources.db.port}\"}}"),
            "line 14: spec.workloads.web.score.containers.web.readinessProbe.httpGet.port: must be a whole "
            "number, "
            "not \"${resources.db.port}\""},
        Bad{"BareTrueForAText",
            replaced(kShop, "            variables:", "            variables:\n              DEBUG: true"),
            "line 13: spec.workloads.web.score.containers.web.variables.DEBUG: must be a text, and true "
            "without "
            "quotes is none; write \"true\""},
        Bad{"EmptyVariable",
            replaced(kShop, "            variables:", "            variables:\n              DEBUG:"),
            "line 13: spec.workloads.web.score.containers.web.variables.DEBUG: has no value; write \"\" for "
            "an empty "
            "text"},
        Bad{"EmptyResource", replaced(kShop, "db: {type: postgres}", "db:"),
            "line 18: spec.workloads.web.score.resources.db: has no value; write {} for an empty object"},
        Bad{"ObjectForAText", replaced(kShop, "image: registry.example/shop/web\n", "image: {name: x}\n"),
            "line 11: spec.workloads.web.score.containers.web.image: must be a text, not an object"},
        Bad{"TextForAnObject", replaced(kShop, "metadata: {name: shop}", "metadata: shop"),
            "line 3: metadata: must be an object, not shop"},
        Bad{"TextForAList", replaced(kShop, "environments: [dev, prod]", "environments: dev"),
            "line 5: spec.environments: must be a list, not dev; write [...] or lines that start with \"- "
            "\""},
        Bad{"ListForAnObject", replaced(kShop, "replicas: 2", "replicas: [2]"),
            "line 21: spec.workloads.web.replicas: must be a whole number, not a list"},
        Bad{"TextForABool",
            "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: a}\nspec: {cordoned: yes}\n",
            "line 4: spec.cordoned: must be true or false, not yes"},
        Bad{"NotATime",
            "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: a, creationTimestamp: yesterday}\n",
            "line 3: metadata.creationTimestamp: must be a time like 2026-01-31T12:00:00Z, not yesterday"},
        Bad{"TooManyDigits", replaced(kShop, "port: 80}}", "port: 90071992547409931}}"),
            "line 20: spec.workloads.web.score.resources.url.params.port: 90071992547409931 has too many "
            "digits for a "
            "number; put it in quotes"},
        Bad{"NotANumber", replaced(kShop, "port: 80}}", "port: .nan}}"),
            "line 20: spec.workloads.web.score.resources.url.params.port: .nan is not a number that can be "
            "stored"},
        Bad{"NumberForATextInJson", R"({"apiVersion":"qleet.io/v1","kind":"Region","metadata":{"name":7}})",
            "line 1: metadata.name: must be a text; put it in quotes"},
        Bad{"LabelWithADot",
            "apiVersion: qleet.io/v1\nkind: Region\nmetadata:\n  name: a\n  labels:\n    a.b/c: [1]\n",
            "line 6: metadata.labels[\"a.b/c\"]: must be a text, not a list"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    ScoreFile, Malformed,
    testing::Values(
        Bad{"UnknownField", replaced(kScore, "containers:", "container:"),
            "line 5: container: unknown field; did you mean \"containers\"?"},
        Bad{"NoName", replaced(kScore, "  name: hello\n", ""), "line 3: metadata.name: is missing"},
        Bad{"WrongName", replaced(kScore, "name: hello", "name: Hello World"),
            "line 3: metadata.name: \"Hello World\" is not a name: lower-case letters, digits and - only, at "
            "most 63, "
            "not starting or ending with -"},
        Bad{"NoContainers", "apiVersion: score.dev/v1b1\nmetadata: {name: hello}\n",
            "line 1: containers: is missing; a workload has at least one container"},
        Bad{"NoImage", replaced(kScore, "    image: registry.example/hello:1\n", ""),
            "line 6: containers.main.image: is missing; name an image, or write \".\" and name it with qleet "
            "apply FILE "
            "--image IMAGE"},
        Bad{"TargetTwice", replaced(kScore, "{content: \"x\"", "{target: /x, content: \"x\""),
            "line 10: containers.main.files[\"/etc/hello.conf\"]: names its target twice: as its key and as "
            "target; "
            "leave out target"},
        Bad{"WrongMode", replaced(kScore, "0640", "rw-r"),
            "line 10: containers.main.files[\"/etc/hello.conf\"].mode: \"rw-r\" is not a file mode; write "
            "for example 0644"},
        Bad{"NullSection", replaced(kScore, "resources:", "service:\nresources:"),
            "line 13: service: has no value; leave it out, or write {}"},
        Bad{"NullList",
            replaced(kScore, "    image: registry.example/hello:1\n",
                     "    image: registry.example/hello:1\n    args:\n"),
            "line 8: containers.main.args: has no value; leave it out, or write []"},
        Bad{"NullText", replaced(kScore, "    image: registry.example/hello:1\n", "    image: ~\n"),
            "line 7: containers.main.image: has no value; give it one, or leave it out"},
        Bad{"NullPort", replaced(kScore, "resources:", "service: {ports: {http: {port: null}}}\nresources:"),
            "line 13: service.ports.http.port: has no value; give it one, or leave it out"},
        Bad{"PortAsText",
            replaced(kScore, "resources:", "service: {ports: {http: {port: \"12\"}}}\nresources:"),
            "line 13: service.ports.http.port: must be a whole number, and \"12\" is a text; write 12"},
        Bad{"VolumeOfNoVolume", replaced(kScore, "{type: volume}", "{type: postgres}"),
            "line 12: ${resources.data}: \"data\" is of type postgres; a volume's source has type volume"},
        Bad{"Placeholder", replaced(kScore, "${metadata.name}", "${resources.db.host}"),
            "line 8: ${resources.db.host}: no resource \"db\" in this workload; there is: data"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Placeholder, Malformed,
    testing::Values(
        Bad{"NoSuchResource", replaced(kShop, "${resources.db.host}", "${resources.database.host}"),
            "line 13: ${resources.database.host}: no resource \"database\" in this workload; there is: db, "
            "sessions, "
            "url"},
        Bad{"NotClosed", replaced(kShop, "/${resources.db.name}", "/${resources.db.name"),
            "line 13: ${resources.db.name: the placeholder is not closed; for a plain \"${\" write $${"},
        Bad{"UnknownRoot", replaced(kShop, "${resources.db.host}", "${env.HOST}"),
            "line 13: ${env.HOST}: a placeholder here starts with resources or metadata; for a plain \"${\" "
            "write "
            "$${"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Text, Malformed,
    testing::Values(
        Bad{"Empty", "", "the input is empty"}, Bad{"Blank", " \n\t\n", "the input is empty"},
        Bad{"CommentsOnly", "# nothing\n---\n# here\n", "there is no object in the input"},
        Bad{"Scalar", "hello\n", "line 1: an object is expected, with apiVersion, kind, metadata and spec"},
        Bad{"JsonList", "[1]", "line 1: an object is expected, with apiVersion, kind, metadata and spec"},
        Bad{"NotUtf8", "kind: \"\xff\"\n", "line 1: bytes that are not UTF-8; save the file as UTF-8"},
        Bad{"Overlong", "a: b\nkind: \xc0\xaf\n", "line 2: bytes that are not UTF-8; save the file as UTF-8"},
        Bad{"Surrogate", "kind: \xed\xa0\x80\n", "line 1: bytes that are not UTF-8; save the file as UTF-8"},
        Bad{"Nul", std::string("a: b\nc: \0d\n", 11), "line 2: a NUL byte: this is not a text"},
        Bad{"NulEscapeInYaml", "a: \"\\0\"\n", "line 1: \\0 is not allowed in a text"},
        Bad{"NulEscapeInJson", "{\"a\": \"\\u0000\"}", "line 1: \\u0000 is not allowed in a text"},
        Bad{"Tab", "a:\n\tb: 1\n", "line 2: a tab in the indentation; YAML is indented with spaces"},
        Bad{"Alias", "a: &x 1\nb: *x\n", "line 1: YAML anchors (&name) are not taken; write the value out"},
        Bad{"AliasOnly", "b: *x\n", "line 1: not YAML: the referenced anchor is not defined"},
        Bad{"Tag", "a: !!str 1\n",
            "line 1: YAML tags (tag:yaml.org,2002:str) are not taken; put a text in quotes"},
        Bad{"Merge", "a:\n  <<: {b: 1}\n",
            "line 2: YAML merge keys (<<) are not taken; write the values out"},
        Bad{"CommaFirst", ",\n", "line 1: a character that does not belong here"},
        Bad{"ComplexKey", "? [a]\n: b\n", "line 1: a key must be a word, not a list or an object"},
        Bad{"ColonTwice", "a: b: c\n",
            "line 1: a \":\" that does not belong here; is the indentation right, or is a text with \": \" "
            "not in "
            "quotes?"},
        Bad{"FlowNotClosed", "a: {b: 1\n", "line 2: a { that is not closed, or a comma that is missing"},
        Bad{"QuoteNotClosed", "a: \"b\n", "line 2: a text in quotes that is not closed"},
        Bad{"JsonComma", "{\"a\": 1,\n \"b\": 2\n \"c\": 3}",
            "line 3: expected , or } after the value of \"b\", found \"c"},
        Bad{"JsonNan", "{\"a\": NaN}", "line 1: expected a value, found NaN"},
        Bad{"JsonCutOff", "{\"a\": {", "line 1: expected a key in double quotes, found the end of the text"},
        Bad{"JsonLeadingZero", "{\"a\": 012}",
            "line 1: a number does not start with 0; a text stands in double quotes"},
        Bad{"JsonKey", "{\"a\": 1, b: 2}", "line 1: expected a key in double quotes, found b"},
        Bad{"JsonHalfSurrogate", "{\"a\": \"\\ud800x\"}", "line 1: half of a surrogate pair in a text"}),
    name_of);

// Documents of both languages side by side.
TEST(Mixed, LinesAreThoseOfTheWhole) {
  const std::string json = R"({"apiVersion": "qleet.io/v1",
 "kind": "Region", "metadata": {"name": "%"}})";
  const std::string yaml = "apiVersion: qleet.io/v1\nkind: Region\nmetadata: {name: %}\n";
  const auto named = [](std::string text, const std::string& name) {
    return text.replace(text.find('%'), 1, name);
  };
  const auto good = decode(named(json, "a") + "\n" + named(json, "b") + "\n---\n" + named(yaml, "c") +
                           "--- # next\n" + named(yaml, "d") + "---\n" + named(json, "e") + "\n---\n");
  ASSERT_TRUE(good) << good.error().message;
  std::string names;
  for (const auto& object : *good) names += meta(*object).name();
  EXPECT_EQ(names, "abcde");
  EXPECT_EQ(
      refused(named(json, "a") + "\n---\n" + named(yaml, "B") + "---\n" + named(json, "C")),
      "line 6: metadata.name: \"B\" is not a name: lower-case letters, digits and - only, at most 63, not "
      "starting or ending with -\n"
      "line 9: metadata.name: \"C\" is not a name: lower-case letters, digits and - only, at most 63, not "
      "starting or ending with -");
  EXPECT_EQ(
      refused(named(json, "a") + "\n---\na: b: c\n"),
      "line 4: a \":\" that does not belong here; is the indentation right, or is a text with \": \" not in "
      "quotes?");
  EXPECT_EQ(refused(named(yaml, "a") + "---\n{\"a\": NaN}"), "line 5: expected a value, found NaN");
  EXPECT_EQ(
      refused("%YAML 1.2\n---\n" + named(yaml, "A") + "...\n"),
      "line 5: metadata.name: \"A\" is not a name: lower-case letters, digits and - only, at most 63, not "
      "starting or ending with -");
  const auto many = decode(named(json, "a") + "\n---\n" + named(yaml, "b"), {.max_documents = 1});
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().code, Code::kTooLarge);
}

TEST(Limits, Size) {
  const std::string body(101, ' ');
  const auto decoded = decode(body, {.max_bytes = 100});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::kTooLarge);
  EXPECT_EQ(decoded.error().message, "the input has 101 bytes, more than the 100 that are taken");
}

TEST(Limits, Documents) {
  std::string body;
  for (int i = 0; i < 4; ++i)
    body += fmt::format("---\napiVersion: qleet.io/v1\nkind: Region\nmetadata: {{name: a{}}}\n", i);
  EXPECT_TRUE(decode(body, {.max_documents = 4}));
  const auto decoded = decode(body, {.max_documents = 3});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::kTooLarge);
  EXPECT_EQ(decoded.error().message, "more than 3 documents at once; send them in parts");
}

struct Deep {
  std::string name;
  std::string text;
};

class Depth : public testing::TestWithParam<Deep> {};

TEST_P(Depth, IsBounded) {
  const auto decoded = decode(GetParam().text);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::kTooLarge);
  EXPECT_EQ(decoded.error().message.substr(decoded.error().message.find(':') + 2),
            "nested deeper than 32 levels");
}

std::string repeated(std::string_view piece, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += piece;
  return out;
}

std::string stairs(int steps) {
  std::string out;
  for (int i = 0; i < steps; ++i) out += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, Depth,
                         testing::Values(Deep{"JsonLists", repeated("[", 500'000)},
                                         Deep{"JsonObjects", repeated("{\"a\":", 150'000)},
                                         Deep{"YamlLists", "a: " + repeated("[", 500'000)},
                                         Deep{"YamlObjects", "a: " + repeated("{b: ", 150'000)},
                                         Deep{"YamlDashes", repeated("- ", 300'000)},
                                         Deep{"YamlStairs", stairs(1000)}),
                         [](const auto& info) { return info.param.name; });

TEST(Limits, KeysThatAreNoWordsAreRefusedBeforeTheyNest) {
  for (const auto& text :
       {"a: " + repeated("[\n", 250'000), repeated("- ? ", 100'000), repeated("? ", 250'000)}) {
    const auto message = refused(text);
    EXPECT_TRUE(message.ends_with("a key must be a word, not a list or an object")) << message;
  }
}

TEST(Limits, AllowedDepthIsTaken) {
  std::string params;
  for (int i = 0; i < 22; ++i) params += "{a: ";
  params += "1" + std::string(22, '}');
  const auto text = replaced(kShop, "{host: shop.example, path: /, port: 80}", params);
  EXPECT_TRUE(decode(text)) << refused(text);
}

}  // namespace
}  // namespace qleet::model
