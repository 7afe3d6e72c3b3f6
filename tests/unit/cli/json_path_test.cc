#include "cli/json_path.h"

#include <gtest/gtest.h>

#include "cli/format.h"
#include "cli/objects_view.h"

namespace qleet::cli {
namespace {

const std::string kList = R"({"items":[
  {"metadata":{"name":"shop","labels":{"a.b/c":"x"}},"status":{"ready":2,"state":"Ready"},"at":"10"},
  {"metadata":{"name":"cart"},"status":{"ready":0,"state":"Stalled"},"at":"9"},
  {"metadata":{"name":"blog"},"status":{"state":"Ready"}}]})";

struct Printed {
  std::string name, path, text;
};
class Paths : public testing::TestWithParam<Printed> {};

TEST_P(Paths, PrintWhatKubectlPrints) {
  const auto path = JsonPath::parse(GetParam().path);
  ASSERT_TRUE(path) << path.error().message;
  EXPECT_EQ(path->print(value_of(kList)), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Paths,
    testing::Values(Printed{"Field", "{.items[0].metadata.name}", "shop"},
                    Printed{"Bare", ".items[1].metadata.name", "cart"},
                    Printed{"NoDot", "items[1].metadata.name", "cart"},
                    Printed{"All", "{.items[*].metadata.name}", "shop cart blog"},
                    Printed{"Dollar", "{$.items[0].status.state}", "Ready"},
                    Printed{"Last", "{.items[-1].metadata.name}", "blog"},
                    Printed{"Slice", "{.items[0:2].metadata.name}", "shop cart"},
                    Printed{"Union", "{.items[0,2].metadata.name}", "shop blog"},
                    Printed{"Quoted", "{.items[0].metadata.labels['a.b/c']}", "x"},
                    Printed{"Escaped", R"({.items[0].metadata.labels.a\.b/c})", "x"},
                    Printed{"Anywhere", "{..name}", "shop cart blog"},
                    Printed{"Number", "{.items[0].status.ready}", "2"},
                    Printed{"Object", "{.items[1].status}", R"({"ready":0,"state":"Stalled"})"},
                    Printed{"Missing", "{.items[*].nothing}", ""},
                    Printed{"Text", "a{.items[0].metadata.name}b", "ashopb"},
                    Printed{"Literal", R"({.items[0].metadata.name}{"\t"}{.items[0].status.state}{"\n"})",
                            "shop\tReady\n"},
                    Printed{"Filter", R"({.items[?(@.status.state=="Ready")].metadata.name})", "shop blog"},
                    Printed{"FilterNot", R"({.items[?(@.status.state != 'Ready')].metadata.name})", "cart"},
                    Printed{"FilterLess", "{.items[?(@.status.ready<1)].metadata.name}", "cart"},
                    Printed{"FilterThere", "{.items[?(@.status.ready)].metadata.name}", "shop cart"},
                    Printed{"Range", R"({range .items[*]}{.metadata.name}={.status.state}{"\n"}{end})",
                            "shop=Ready\ncart=Stalled\nblog=Ready\n"}),
    [](const auto& info) { return info.param.name; });

TEST(JsonPaths, SayWhereTheyAreWrong) {
  for (const auto& [path, said] : std::vector<std::pair<std::string, std::string>>{
           {"{.a", R"("{.a", at character 4: } is missing)"},
           {"{.a[}", R"("{.a[}", at character 5: a number, a quoted name, * or ?( is missing)"},
           {"{range .a}", R"("{range .a}", at character 11: {end} is missing)"},
           {"{end}", R"("{end}", at character 6: {end} without {range})"},
           {"{.a['b}", R"("{.a['b}", at character 8: the quote is not closed)"},
           {"{.a[?(b)]}", R"("{.a[?(b)]}", at character 7: a filter begins with @)"},
           {".a b", R"(".a b", at character 3: is not understood)"}}) {
    const auto parsed = JsonPath::parse(path);
    ASSERT_FALSE(parsed) << path;
    EXPECT_EQ(parsed.error().message, said);
  }
}

TEST(CustomColumns, AreHeadersAndPaths) {
  const auto columns = parse_columns("NAME:.metadata.name,WHICH:{.x[0,1]},READY:.status.ready");
  ASSERT_TRUE(columns) << columns.error().message;
  EXPECT_EQ(headers_of(*columns), (std::vector<std::string>{"NAME", "WHICH", "READY"}));
  EXPECT_EQ(cells_of(*columns, value_of(R"({"metadata":{"name":"shop"},"x":["a","b"]})")),
            (std::vector<std::string>{"shop", "a,b", "<none>"}));
  EXPECT_FALSE(parse_columns("NAME"));
}

TEST(Output, IsChosenByNameOrNamesTheNearest) {
  EXPECT_EQ(parse_output("wide")->format, Format::kWide);
  EXPECT_EQ(parse_output("jsonpath={.a}")->expression, "{.a}");
  EXPECT_EQ(parse_output("custom-columns=A:.a")->format, Format::kColumns);
  const auto wrong = parse_output("jsn");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message,
            "\"jsn\" is no form of output; did you mean \"json\"?; there is: table, wide, json, yaml, name, "
            "jsonpath=PATH, custom-columns=HEADER:PATH,...");
}

TEST(SortedObjects, NumbersByAmountAndWhatIsMissingFirst) {
  std::vector<std::string> items{R"({"n":"10","m":"a"})", R"({"n":"9","m":"b"})", R"({"m":"c"})",
                                 R"({"n":"9","m":"d"})"};
  ASSERT_TRUE(sort_objects(items, ".n"));
  std::string order;
  for (const auto& item : items) order += plain(JsonPath::parse(".m")->find(value_of(item)).front());
  EXPECT_EQ(order, "cbda");
  EXPECT_FALSE(sort_objects(items, "{.n"));
}

}  // namespace
}  // namespace qleet::cli
