// Every kind with every field set: nothing is lost between writing and reading.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/model/model.h"

namespace qleet::model {
namespace {

// Every kind with every field set, so that nothing is lost between writing and reading.
void fill_everything(google::protobuf::Message& message, int depth, int salt);

void fill_value(google::protobuf::Value& value) {
  auto& fields = *value.mutable_struct_value()->mutable_fields();
  fields["text"].set_string_value("a: #b\n");
  fields["numeric"].set_string_value("015");
  fields["yes"].set_string_value("yes");
  fields["null"].set_null_value(google::protobuf::NULL_VALUE);
  fields["number"].set_number_value(1.5);
  fields["large"].set_number_value(1e30);
  fields["true"].set_bool_value(true);
  fields["empty"].mutable_list_value();
  fields["nothing"].mutable_struct_value();
  auto& list = *fields["list"].mutable_list_value();
  list.add_values()->mutable_list_value()->add_values()->set_string_value("- nested");
  (*list.add_values()->mutable_struct_value()->mutable_fields())["in a list"].set_string_value("multi\nline");
  list.add_values()->set_string_value("first\n  second\n\nlast\n");
}

std::string some_text(int salt) {
  static const std::vector<std::string> kTexts = {"plain",
                                                  "true",
                                                  "null",
                                                  "0755",
                                                  "1e3",
                                                  " leading",
                                                  "trailing ",
                                                  "a: b",
                                                  "x #y",
                                                  "- dash",
                                                  "\"quoted\"",
                                                  "it's",
                                                  "two\nlines",
                                                  "two\nlines\n",
                                                  "\n",
                                                  "tab\there",
                                                  "caf\xc3\xa9 \xe2\x80\xa8 \xf0\x9f\x9a\x80",
                                                  "{brace}",
                                                  "*alias",
                                                  "&anchor",
                                                  "!tag",
                                                  "%directive",
                                                  "@at",
                                                  "`tick`",
                                                  "key:",
                                                  "~",
                                                  "1:30",
                                                  ".5",
                                                  "=",
                                                  "<<",
                                                  "a\n b\n",
                                                  " a\nb\n",
                                                  "\x01\x7f",
                                                  "---",
                                                  "x\n---\ny\n",
                                                  "? q",
                                                  "| bar",
                                                  "> gt",
                                                  "C:\\path",
                                                  "trail\n\n",
                                                  "${a.b}"};
  return kTexts[static_cast<size_t>(salt) % kTexts.size()];
}

void set_field(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field, int depth,
               int salt) {
  using Field = google::protobuf::FieldDescriptor;
  const auto& reflection = *message.GetReflection();
  const bool repeated = field.is_repeated();
  switch (field.cpp_type()) {
    case Field::CPPTYPE_STRING:
      return repeated ? reflection.AddString(&message, &field, some_text(salt))
                      : reflection.SetString(&message, &field, some_text(salt));
    case Field::CPPTYPE_BOOL:
      return reflection.SetBool(&message, &field, true);
    case Field::CPPTYPE_UINT32:
      return reflection.SetUInt32(&message, &field, 4294967295u);
    case Field::CPPTYPE_UINT64:
      return reflection.SetUInt64(&message, &field, 18446744073709551615u);
    case Field::CPPTYPE_MESSAGE:
      return fill_everything(
          repeated ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field),
          depth + 1, salt);
    default:
      FAIL() << field.full_name() << " has a type that this test does not know";
  }
}

void fill_everything(google::protobuf::Message& message, int depth, int salt) {
  const auto& type = *message.GetDescriptor();
  ASSERT_LT(depth, 20);
  if (type.full_name() == "google.protobuf.Struct") {
    google::protobuf::Value value;
    fill_value(value);
    message.CopyFrom(value.struct_value());
    return;
  }
  if (type.full_name() == "google.protobuf.Timestamp") {
    message.GetReflection()->SetInt64(&message, type.FindFieldByName("seconds"), 1769860800);
    message.GetReflection()->SetInt32(&message, type.FindFieldByName("nanos"), 120000000);
    return;
  }
  for (int i = 0; i < type.field_count(); ++i) {
    set_field(message, *type.field(i), depth, salt + 7 * i);
    if (type.field(i)->is_repeated()) set_field(message, *type.field(i), depth, salt + 7 * i + 1);
  }
}

// A struct has no order of its own: what it is written as is sorted.
google::protobuf::Struct sorted(const std::string& json) {
  google::protobuf::Struct value;
  EXPECT_TRUE(decode_into(json, value));
  return value;
}

class EveryKind : public testing::TestWithParam<int> {};

TEST_P(EveryKind, SurvivesYamlAndJson) {
  for (const auto& kind : kinds()) {
    Object object(kind.prototype->New());
    fill_everything(*object, 0, GetParam());
    const auto json = to_json(*object);
    for (const auto& text : {to_yaml(*object), to_json(*object, true), json}) {
      Object back(kind.prototype->New());
      const auto decoded = decode_into(text, *back);
      ASSERT_TRUE(decoded) << kind.name << ": " << decoded.error().message << "\n" << text;
      EXPECT_EQ(to_json(*back), json) << text;
    }
    EXPECT_EQ(to_json(to_struct(*object)), to_json(sorted(json)));
  }
}

INSTANTIATE_TEST_SUITE_P(Texts, EveryKind, testing::Range(0, 41));

}  // namespace
}  // namespace qleet::model
