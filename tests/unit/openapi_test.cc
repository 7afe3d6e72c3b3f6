#include "common/model/openapi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>

#include "common/model/model.h"
#include "google/protobuf/struct.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::model {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

Struct document() {
  const std::vector<ApiOperation> operations = {{.method = "POST",
                                                 .path = "/v1/applications/{application}/approve",
                                                 .id = "approve",
                                                 .summary = "Approve a release",
                                                 .request = qleet::v1::ApproveRequest::descriptor(),
                                                 .response = qleet::v1::DeliveryAnswers::descriptor()},
                                                {.method = "POST",
                                                 .path = "/v1/apply",
                                                 .id = "apply",
                                                 .summary = "Create or update",
                                                 .parameters = {{"dryRun", "boolean", "Write nothing."}},
                                                 .objects = true,
                                                 .response = qleet::v1::ApplyResult::descriptor()},
                                                {.method = "POST",
                                                 .path = "/v1/builds",
                                                 .id = "notifyBuild",
                                                 .summary = "An image exists",
                                                 .request = qleet::v1::BuildSpec::descriptor(),
                                                 .response = qleet::v1::DeliveryAnswers::descriptor()},
                                                {.method = "GET",
                                                 .path = "/healthz",
                                                 .id = "healthz",
                                                 .summary = "Alive",
                                                 .response_type = "text/plain",
                                                 .open = true}};
  const auto json = openapi({"QleetOS", "0.1.0", "An API."}, operations);
  Struct parsed;
  const auto done = decode_into(json, parsed, {.max_bytes = 4 << 20});
  EXPECT_TRUE(done) << done.error().message;
  return parsed;
}

const Value* find(const Struct& root, const std::vector<std::string>& path) {
  const auto* fields = &root.fields();
  const Value* value = nullptr;
  for (const auto& step : path) {
    const auto found = fields->find(step);
    if (found == fields->end()) return nullptr;
    value = &found->second;
    fields = &value->struct_value().fields();
  }
  return value;
}

std::string text(const Struct& root, const std::vector<std::string>& path) {
  const auto* value = find(root, path);
  return value == nullptr ? "(none)" : value->string_value();
}

void each(const Value& value, const std::function<void(const std::string&, const Value&)>& visit) {
  for (const auto& item : value.list_value().values()) each(item, visit);
  for (const auto& [key, field] : value.struct_value().fields()) {
    visit(key, field);
    each(field, visit);
  }
}

TEST(OpenApi, EveryKindHasItsPathsAndSchema) {
  const auto root = document();
  EXPECT_EQ(text(root, {"openapi"}), "3.1.0");
  for (const auto& kind : kinds()) {
    const std::string name(kind.name);
    const std::string all = "/v1/" + std::string(kind.plural);
    EXPECT_NE(find(root, {"components", "schemas", name}), nullptr) << name;
    EXPECT_NE(find(root, {"paths", all, "get"}), nullptr) << all;
    EXPECT_NE(find(root, {"paths", all + "/{name}", "get"}), nullptr) << all;
    EXPECT_EQ(find(root, {"paths", all + "/{name}", "put"}) != nullptr, kind.user_writable) << all;
    EXPECT_EQ(text(root, {"components", "schemas", name, "properties", "kind", "const"}), name);
  }
}

TEST(OpenApi, TypesAreThoseOfCanonicalJson) {
  const auto root = document();
  const auto of = [&](const std::string& message, const std::string& field) {
    return std::vector<std::string>{"components", "schemas", message, "properties", field};
  };
  const auto at = [&](std::vector<std::string> path, const std::string& key) {
    path.push_back(key);
    return text(root, path);
  };
  EXPECT_EQ(at(of("ObjectMeta", "resourceVersion"), "type"), "string");
  EXPECT_EQ(at(of("ObjectMeta", "generation"), "type"), "integer");
  EXPECT_EQ(at(of("ObjectMeta", "creationTimestamp"), "format"), "date-time");
  EXPECT_EQ(at(of("ObjectMeta", "labels"), "type"), "object");
  EXPECT_EQ(at(of("ProfileSpec", "parameters"), "type"), "object");
  EXPECT_EQ(at(of("ProfileSpec", "requires"), "type"), "object");
  EXPECT_EQ(at(of("ApplicationSpec", "environments"), "type"), "array");
  EXPECT_EQ(at(of("Workload", "score"), "$ref"), "#/components/schemas/Score");
  EXPECT_EQ(text(root, {"components", "schemas", "ApplicationSpec", "properties", "workloads",
                        "additionalProperties", "$ref"}),
            "#/components/schemas/Workload");
}

TEST(OpenApi, OperationsOfTheCallerStandBesideAndBefore) {
  const auto root = document();
  EXPECT_EQ(text(root, {"paths", "/v1/builds", "post", "operationId"}), "notifyBuild");
  EXPECT_EQ(text(root, {"paths", "/v1/builds", "get", "operationId"}), "listBuilds");
  EXPECT_EQ(text(root, {"paths", "/v1/applications/{application}/approve", "post", "requestBody", "content",
                        "application/yaml", "schema", "$ref"}),
            "#/components/schemas/ApproveRequest");
  const auto* parameters =
      find(root, {"paths", "/v1/applications/{application}/approve", "post", "parameters"});
  ASSERT_NE(parameters, nullptr);
  EXPECT_EQ(parameters->list_value().values(0).struct_value().fields().at("name").string_value(),
            "application");
  const auto* tags = find(root, {"paths", "/v1/apply", "post", "tags"});
  EXPECT_EQ(tags->list_value().values(0).string_value(), "apply");
  EXPECT_TRUE(find(root, {"paths", "/healthz", "get", "security"})->list_value().values().empty());
}

TEST(OpenApi, NothingRefersToNothing) {
  const auto root = document();
  Value all;
  *all.mutable_struct_value() = root;
  std::set<std::string> ids;
  each(all, [&](const std::string& key, const Value& value) {
    if (key == "$ref") {
      const auto& target = value.string_value();
      const auto slash = target.rfind('/');
      const auto section = target.substr(0, slash) == "#/components/schemas" ? "schemas" : "responses";
      EXPECT_NE(find(root, {"components", section, target.substr(slash + 1)}), nullptr) << target;
    }
    if (key == "operationId") EXPECT_TRUE(ids.insert(value.string_value()).second) << value.string_value();
  });
}

std::string pascal(std::string name) {
  if (!name.empty()) name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
  return name;
}

// Generators make a type of every object, and name one that is no component by its place, or its title: no
// two may have one name.
TEST(OpenApi, EveryObjectHasANameOfItsOwn) {
  const auto root = document();
  const auto& schemas = find(root, {"components", "schemas"})->struct_value().fields();
  std::set<std::string> names;
  for (const auto& [name, schema] : schemas) EXPECT_TRUE(names.insert(pascal(name)).second) << name;
  const auto is_object = [](const Value& value) {
    const auto type = value.struct_value().fields().find("type");
    return type != value.struct_value().fields().end() && type->second.string_value() == "object";
  };
  for (const auto& [name, schema] : schemas) {
    const auto properties = schema.struct_value().fields().find("properties");
    if (properties == schema.struct_value().fields().end()) continue;
    for (const auto& [property, value] : properties->second.struct_value().fields()) {
      if (!is_object(value)) continue;
      const auto title = value.struct_value().fields().find("title");
      ASSERT_NE(title, value.struct_value().fields().end()) << name << "." << property;
      const auto made = pascal(name) + pascal(title->second.string_value());
      EXPECT_TRUE(names.insert(made).second) << name << "." << property << " would be named " << made;
      EXPECT_TRUE(value.struct_value().fields().contains("additionalProperties")) << name << "." << property;
    }
  }
  // Bodies refer to components, or are plain.
  for (const auto& [path, methods] : find(root, {"paths"})->struct_value().fields()) {
    each(methods, [&, path = path](const std::string& key, const Value& value) {
      if (key == "schema") EXPECT_FALSE(is_object(value)) << path;
    });
  }
}

// What OpenAPI 3.1 demands of every operation.
TEST(OpenApi, EveryOperationIsWellFormed) {
  const auto root = document();
  for (const auto& [path, methods] : find(root, {"paths"})->struct_value().fields()) {
    for (const auto& [method, operation] : methods.struct_value().fields()) {
      const auto& fields = operation.struct_value().fields();
      ASSERT_TRUE(fields.contains("responses")) << path;
      EXPECT_FALSE(fields.at("responses").struct_value().fields().empty()) << path;
      for (const auto& [status, response] : fields.at("responses").struct_value().fields())
        EXPECT_TRUE(response.struct_value().fields().contains("description") ||
                    response.struct_value().fields().contains("$ref"))
            << path << " " << status;
      std::set<std::string> in_path;
      if (fields.contains("parameters")) {
        for (const auto& parameter : fields.at("parameters").list_value().values()) {
          const auto& one = parameter.struct_value().fields();
          EXPECT_TRUE(one.contains("schema")) << path;
          if (one.at("in").string_value() != "path") continue;
          EXPECT_TRUE(one.at("required").bool_value()) << path;
          in_path.insert(one.at("name").string_value());
        }
      }
      for (const auto& name : in_path) EXPECT_NE(path.find("{" + name + "}"), std::string::npos) << path;
      EXPECT_EQ(static_cast<size_t>(std::ranges::count(path, '{')), in_path.size()) << path;
    }
  }
}

TEST(OpenApi, IsTheSameEveryTime) { EXPECT_EQ(openapi({"a", "b", "c"}, {}), openapi({"a", "b", "c"}, {})); }

}  // namespace
}  // namespace qleet::model
