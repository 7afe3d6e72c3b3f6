// The schema that is told to hubs against the parsers: each field that is told is read, and none is taken
// that is not told.
#include "providers/container/shapes.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "providers/container/template.h"
#include "providers/route/shapes.h"
#include "providers/route/template.h"

namespace qleet::templates {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using Parse = std::function<std::vector<FieldError>(const Struct&)>;

struct Kind {
  std::string name;
  Shape shape;
  Parse parse;
};

template <class Spec>
std::vector<FieldError> errors_of(const Result<Spec>& parsed) {
  return parsed ? std::vector<FieldError>{} : parsed.error().fields;
}

std::vector<Kind> container_kinds() {
  namespace shapes = container::shapes;
  return {{"host", shapes::kHost, [](const Struct& t) { return errors_of(container::parse_host(t)); }},
          {"volume", shapes::kVolume, [](const Struct& t) { return errors_of(container::parse_volume(t)); }},
          {"container", shapes::kContainer,
           [](const Struct& t) { return errors_of(container::parse_container(t)); }},
          {"workload", shapes::kWorkload,
           [](const Struct& t) { return errors_of(container::parse_workload(t, "web")); }},
          {"exec", shapes::kExec, [](const Struct& t) { return errors_of(container::parse_exec(t)); }}};
}

std::vector<Kind> route_kinds() {
  namespace shapes = route::shapes;
  return {{"router", shapes::kRouter, [](const Struct& t) { return errors_of(route::parse_router(t)); }},
          {"route", shapes::kRoute, [](const Struct& t) { return errors_of(route::parse_route(t)); }}};
}

std::vector<Kind> all_kinds() {
  auto kinds = container_kinds();
  for (auto& kind : route_kinds()) kinds.push_back(std::move(kind));
  return kinds;
}

Value text(const std::string& text) {
  Value value;
  value.set_string_value(text);
  return value;
}

Value object(const std::string& name, Value inner) {
  Value value;
  (*value.mutable_struct_value()->mutable_fields())[name] = std::move(inner);
  return value;
}

Value list(Value item) {
  Value value;
  *value.mutable_list_value()->add_values() = std::move(item);
  return value;
}

// One place in a template: its path in errors, and a template with a value there.
struct Place {
  std::string path;
  std::function<Value(Value)> around;
};

Place below(const Place& outer, const std::string& name) {
  return {outer.path + "." + name,
          [outer, name](Value inner) { return outer.around(object(name, std::move(inner))); }};
}

Place first_of(const Place& outer) {
  return {outer.path + "[0]", [outer](Value inner) { return outer.around(list(std::move(inner))); }};
}

// Where an object of the field's inner shape stands.
Place inner_place(const Place& field, FieldType type) {
  if (type == FieldType::kMapOrObjects || type == FieldType::kListOfObjects) return first_of(field);
  return type == FieldType::kMapOfObjects ? below(field, "/data") : field;
}

using Visit = std::function<void(const Place& object, const Shape& shape)>;

void visit_objects(const Place& place, const Shape& shape, const Visit& visit) {
  visit(place, shape);
  for (const auto& field : shape.fields)
    if (field.inner)
      visit_objects(inner_place(below(place, std::string(field.name)), field.type), *field.inner, visit);
}

const Place kTop{"template", [](Value inner) { return inner; }};

// Nothing that the field may be.
Value wrong_for(FieldType type) {
  const bool is_list = type == FieldType::kTexts || type == FieldType::kCommands ||
                       type == FieldType::kListOfObjects || type == FieldType::kMapOrObjects;
  if (is_list) return text("x");
  Value value;
  value.mutable_list_value();
  return value;
}

bool names(const std::vector<FieldError>& errors, const std::string& path) {
  return std::ranges::any_of(errors, [&](const FieldError& error) { return error.field.starts_with(path); });
}

TEST(Shapes, EachFieldIsReadAndNoOtherIsTaken) {
  // Read by kind_of; and what an operator notes for people.
  const std::set<std::string> elsewhere{"template.kind", "template.network"};
  for (const auto& kind : all_kinds()) {
    visit_objects(kTop, kind.shape, [&](const Place& place, const Shape& shape) {
      const auto unknown = kind.parse(place.around(object("nobody-knows", text("x"))).struct_value());
      const auto told = std::ranges::find(unknown, place.path + ".nobody-knows", &FieldError::field);
      ASSERT_NE(told, unknown.end()) << kind.name << " takes any field in " << place.path;
      std::string known;
      for (const auto& field : shape.fields) known += (known.empty() ? "" : ", ") + std::string(field.name);
      EXPECT_EQ(told->message, "is not known here; there is: " + known);

      for (const auto& field : shape.fields) {
        const Place at = below(place, std::string(field.name));
        const auto errors = kind.parse(at.around(wrong_for(field.type)).struct_value());
        EXPECT_THAT(errors, testing::Not(testing::Contains(testing::Field(
                                &FieldError::message, testing::StartsWith("is not known here")))));
        if (elsewhere.contains(at.path)) continue;
        EXPECT_TRUE(names(errors, at.path)) << kind.name << " does not read " << at.path;
      }
    });
  }
}

std::set<std::string> properties(const Struct& schema) {
  std::set<std::string> out;
  for (const auto& [name, _] : schema.fields().at("properties").struct_value().fields()) out.insert(name);
  return out;
}

std::set<std::string> fields_of(const std::vector<Kind>& kinds) {
  std::set<std::string> out;
  for (const auto& kind : kinds)
    for (const auto& field : kind.shape.fields) out.insert(std::string(field.name));
  return out;
}

TEST(Shapes, TheSchemaHasTheFieldsOfAllKinds) {
  for (const auto& [schema, kinds] :
       {std::pair{container::schema(), container_kinds()}, {route::schema(), route_kinds()}}) {
    EXPECT_EQ(properties(schema.template_), fields_of(kinds));
    EXPECT_FALSE(schema.template_.fields().at("additionalProperties").bool_value());
    // Each agent of a fleet tells it, and the hub stores it with each.
    EXPECT_LT(schema.template_.ByteSizeLong(), 6'000U);
  }
}

TEST(Shapes, ObjectsWithinAreToldToo) {
  const auto told = container::schema();
  const auto& fields = told.template_.fields().at("properties").struct_value().fields();
  const auto inner = [](const Value& value, const std::vector<std::string>& path) {
    Value at = value;
    for (const auto& name : path) at = Value(at.struct_value().fields().at(name));
    return at;
  };
  EXPECT_THAT(properties(inner(fields.at("health"), {"properties", "http"}).struct_value()),
              testing::ElementsAre("headers", "host", "path", "port", "scheme"));
  const auto ports = inner(fields.at("ports"), {"items", "anyOf"});
  EXPECT_TRUE(properties(ports.list_value().values(1).struct_value()).contains("hostPort"));
}

TEST(Shapes, OutputsMayEndInAnything) {
  const std::vector<std::string> outputs{"name", "port.*"};
  EXPECT_TRUE(tells(outputs, "name"));
  EXPECT_TRUE(tells(outputs, "port.80"));
  EXPECT_FALSE(tells(outputs, "names"));
  EXPECT_FALSE(tells(outputs, "port"));
  EXPECT_TRUE(tells(std::vector<std::string>{"*"}, "anything"));
}

}  // namespace
}  // namespace qleet::templates
