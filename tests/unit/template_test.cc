#include "common/template/template.h"
#include "common/template/score_text.h"

#include <gtest/gtest.h>

#include <map>

namespace qleet::templates {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

Value text(std::string_view s) {
  Value value;
  value.set_string_value(std::string(s));
  return value;
}

Value number(double d) {
  Value value;
  value.set_number_value(d);
  return value;
}

// db.host -> "h", db.port -> 5432, db.all -> an object, nothing -> null; everything else stays.
Result<std::optional<Value>> lookup(const Path& path) {
  if (path == Path{"db", "host"}) return text("h");
  if (path == Path{"db", "port"}) return number(5432);
  if (path == Path{"db", "tls"}) {
    Value value;
    value.set_bool_value(true);
    return value;
  }
  if (path == Path{"db", "all"}) {
    Value value;
    (*value.mutable_struct_value()->mutable_fields())["host"] = text("${late.host}");
    return value;
  }
  if (path == Path{"nothing"}) {
    Value value;
    value.set_null_value(google::protobuf::NULL_VALUE);
    return value;
  }
  if (path == Path{"refused"}) return fail(Code::kInvalid, "refused on purpose");
  return std::nullopt;
}

std::string expanded(std::string_view s, bool last_pass) {
  auto value = expand(text(s), lookup, last_pass);
  return value ? value->string_value() : "error: " + value.error().message;
}

TEST(References, AreFoundInOrder) {
  const auto found = references("postgres://${db.user}:${db.password}@${db.host}$${not.this}$x$$");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (std::vector<Path>{{"db", "user"}, {"db", "password"}, {"db", "host"}}));
}

TEST(References, DotInsideAName) {
  EXPECT_EQ(*references("${metadata.annotations.my\\.key}"),
            (std::vector<Path>{{"metadata", "annotations", "my.key"}}));
  EXPECT_EQ(to_text({"metadata", "annotations", "my.key"}), "${metadata.annotations.my\\.key}");
}

TEST(References, OverAStructAreSortedAndEachOnce) {
  Struct value;
  (*value.mutable_fields())["z"] = text("${b} ${a}");
  *(*value.mutable_fields())["a"].mutable_list_value()->add_values() = text("${b}");
  (*value.mutable_fields())["${key}"] = number(1);
  EXPECT_EQ(*references(value), (std::vector<Path>{{"a"}, {"b"}}));
}

struct Malformed {
  std::string text;
  std::string message;
};

class MalformedPlaceholder : public testing::TestWithParam<Malformed> {};

TEST_P(MalformedPlaceholder, IsRefused) {
  const auto found = references(GetParam().text);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::kInvalid);
  EXPECT_EQ(found.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    All, MalformedPlaceholder,
    testing::Values(
        Malformed{"a ${db.host", "${db.host: the placeholder is not closed; for a plain \"${\" write $${"},
        Malformed{"${}", "${}: a placeholder names something, for example ${params.size}"},
        Malformed{"${db..host}", "${db..host}: a name is missing beside a dot"},
        Malformed{"${db.}", "${db.}: a name is missing beside a dot"},
        Malformed{"${db host}",
                  "${db host}: a placeholder holds names and dots only; for a plain \"${\" write $${"},
        Malformed{"${a${b}}",
                  "${a${b}: a placeholder holds names and dots only; for a plain \"${\" write $${"},
        Malformed{"${a.b.c.d.e.f.g.h.i}", "${a.b.c.d.e.f.g.h.i}: more than 8 names in one placeholder"}));

TEST(References, NoMoreThan64InOneString) {
  std::string many;
  for (int i = 0; i < 64; ++i) many += "${a}";
  EXPECT_TRUE(references(many));
  EXPECT_EQ(references(many + "${a}").error().message, "more than 64 placeholders in one string");
}

TEST(Expand, InsideAText) {
  EXPECT_EQ(expanded("x${db.host}:${db.port}/${db.tls}", false), "xh:5432/true");
  EXPECT_EQ(expanded("${later.x} ${db.host}", false), "${later.x} h");
  EXPECT_EQ(expanded("${later.x} ${db.host}", true), "${later.x} h");
}

TEST(Expand, EscapesStayUntilTheLastPass) {
  EXPECT_EQ(expanded("$${HOME} $$ $HOME ${db.host}", false), "$${HOME} $$ $HOME h");
  EXPECT_EQ(expanded("$${HOME} $$ $HOME ${db.host}", true), "${HOME} $$ $HOME h");
  for (const std::string original : {"echo ${HOME} $${X} $$${Y} ${", "", "$"}) {
    EXPECT_EQ(expanded(expanded(escape(original), false), true), original);
  }
}

// Before the last pass, text that comes to stand beside other text never becomes a placeholder with it.
TEST(Expand, WhatIsPutTogetherIsNoPlaceholder) {
  const std::map<std::string, std::string> texts = {
      {"d", "$"}, {"dd", "$$"}, {"b", "{generated.p}"}, {"p", "${generated.p}"}, {"e", "$${"}};
  const Lookup of_texts = [&](const Path& path) -> Result<std::optional<Value>> {
    const auto found = texts.find(path.front());
    if (found == texts.end()) return std::nullopt;
    return text(escape(found->second));
  };
  const auto twice = [&](std::string_view written) -> std::string {
    const auto once = expand(text(written), of_texts, false);
    if (!once) return "error: " + once.error().message;
    const Lookup live = [](const Path&) -> Result<std::optional<Value>> { return text("LIVE"); };
    const auto last = expand(*once, live, true);
    return last ? last->string_value() : "error: " + last.error().message;
  };
  EXPECT_EQ(twice("${p}"), "${generated.p}");
  EXPECT_EQ(twice("x${p}"), "x${generated.p}");
  EXPECT_EQ(twice("${d}{generated.p}"), "${generated.p}");
  EXPECT_EQ(twice("${d}${b}"), "${generated.p}");
  EXPECT_EQ(twice("${dd}${b} ${later.x}"), "$${generated.p} LIVE");
  EXPECT_EQ(twice("${d}$${generated.p}"), "$${generated.p}");
  EXPECT_EQ(twice("${e}generated.p}"), "$${generated.p}");
  EXPECT_EQ(twice("${d}${later.x}"), "error: a \"$\" cannot stand right before ${later.x}");
  EXPECT_EQ(twice("${d} ${later.x}"), "$ LIVE");
}

TEST(Expand, AloneTakesTheType) {
  EXPECT_EQ(expand(text("${db.port}"), lookup, true)->number_value(), 5432);
  EXPECT_TRUE(expand(text("${db.tls}"), lookup, true)->bool_value());
  EXPECT_TRUE(expand(text("${nothing}"), lookup, true)->has_null_value());
  // What is put in is not looked at again in this pass.
  EXPECT_EQ(expand(text("${db.all}"), lookup, true)->struct_value().fields().at("host").string_value(),
            "${late.host}");
}

TEST(Expand, SaysWhyItCannot) {
  EXPECT_EQ(expanded("x ${db.all}", true),
            "error: ${db.all} is an object and cannot stand inside a longer text");
  EXPECT_EQ(expanded("x ${nothing}", true), "error: ${nothing} has no value");
  EXPECT_EQ(expanded("${refused}", true), "error: refused on purpose");
  Struct value;
  (*value.mutable_fields())["image"] = text("${refused}");
  EXPECT_EQ(expand(value, lookup, true).error().message, "image: refused on purpose");
}

// Score's text as a template, and what the two passes over that make of it.
TEST(FromScore, DollarsAreEscapedByDollars) {
  struct Case {
    std::string score, becomes;  // empty: refused
  };
  const std::vector<Case> cases = {{"plain", "plain"},
                                   {"$", "$"},
                                   {"$5", "$5"},
                                   {"$$", "$"},
                                   {"$$$", "$$"},
                                   {"$$$$", "$$"},
                                   {"$$HOME", "$HOME"},
                                   {"a$${b}c", "a${b}c"},
                                   {"$${a b", "${a b"},
                                   {"$$$${x}", "$${x}"},
                                   {"$${a.b}${db.host}", "${a.b}h"},
                                   {"${db.host}$$", "h$"},
                                   {"$$ ${db.host}", "$ h"},
                                   {"$${a${b}", "${a${b}"},
                                   {"$$${db.host}", ""}};
  for (const auto& c : cases) {
    const auto read = from_score(c.score);
    ASSERT_EQ(read.has_value(), !c.becomes.empty()) << c.score;
    if (!read) continue;
    const auto first = expand(text(*read), [](const Path&) { return std::nullopt; }, false);
    ASSERT_TRUE(first) << c.score << ": " << first.error().message;
    const auto last = expand(*first, lookup, true);
    ASSERT_TRUE(last) << c.score << ": " << last.error().message;
    EXPECT_EQ(last->string_value(), c.becomes) << c.score;
  }
  EXPECT_EQ(*from_score("${not closed"), "${not closed");
}

TEST(Canonical, SameMeaningSameBytes) {
  Struct value;
  auto& fields = *value.mutable_fields();
  fields["b"] = number(2.0);
  fields["a"] = text("x\n\"");
  fields["c"].mutable_list_value()->add_values()->set_bool_value(true);
  *fields["c"].mutable_list_value()->add_values() = number(-0.0);
  *fields["c"].mutable_list_value()->add_values() = number(0.1);
  fields["c"].mutable_list_value()->add_values();
  fields["d"].mutable_struct_value();
  EXPECT_EQ(canonical(value), R"({"a":"x\n\"","b":2,"c":[true,0,0.1,null],"d":{}})");
}

}  // namespace
}  // namespace qleet::templates
