#include <fmt/format.h>

#include <functional>
#include <map>
#include <set>

#include "cli/schema_comments/comments.h"
#include "cli/schema_fields.h"
#include "common/model/model.h"
#include "common/model/sink.h"
#include "google/protobuf/descriptor.h"
#include "qleet/v1/score.pb.h"
#include "tests/docs/fields_page.h"

namespace qleet::test {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool is_kind(const Descriptor& type) {
  for (const auto& kind : model::kinds())
    if (kind.prototype->GetDescriptor() == &type) return true;
  return false;
}

// What is written, as model::decode takes it: a number stands for a text, so that `cpu: 2` is right.
class Schema {
 public:
  std::string write() {
    map([&] {
      text("$schema", "https://json-schema.org/draft/2020-12/schema");
      text("title", "QleetOS");
      text("description",
           "One document of a file for qleet apply: an object of QleetOS, or a Score file (score.dev/v1b1).");
      text("type", "object");
      list("required", {"apiVersion"});
      // By kind and not "any of these": so an error names the field, and not every kind that it is not.
      key("allOf", [&] {
        sink_.begin_list(false);
        map([&] {
          object("if", [&] {
            object("properties", [&] { object("apiVersion", [&] { text("const", "score.dev/v1b1"); }); });
            list("required", {"apiVersion"});
          });
          key("then", [&] { reference(*v1::Score::descriptor()); });
          object("else", [&] {
            list("required", {"apiVersion", "kind"});
            object("properties", [&] {
              object("apiVersion",
                     [&] { texts("enum", {std::string(model::kApiVersion), "score.dev/v1b1"}); });
              object("kind", [&] { texts("enum", kinds()); });
            });
          });
        });
        for (const auto& kind : model::kinds()) {
          if (kind.user_writable) of_kind(kind);
        }
        sink_.end_list();
      });
      object("$defs", [&] {
        for (const auto& [name, type] : all_) object(name, [&] { message(*type); });
      });
    });
    return sink_.take() + "\n";
  }

  Schema() {
    collect(*v1::Score::descriptor());
    for (const auto& kind : model::kinds())
      if (kind.user_writable) collect(*kind.prototype->GetDescriptor());
  }

 private:
  using Content = std::function<void()>;

  void map(const Content& content) {
    sink_.begin_map(false);
    content();
    sink_.end_map();
  }
  void key(std::string_view name, const Content& content) {
    sink_.key(name);
    content();
  }
  void object(std::string_view name, const Content& content) {
    key(name, [&] { map(content); });
  }
  void text(std::string_view name, std::string_view value) {
    sink_.key(name);
    sink_.string(value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    sink_.key(name);
    sink_.begin_list(false);
    for (const auto& value : values) sink_.string(value);
    sink_.end_list();
  }
  void list(std::string_view name, const std::vector<std::string>& values) { texts(name, values); }

  static std::vector<std::string> kinds() {
    std::vector<std::string> names;
    for (const auto& kind : model::kinds())
      if (kind.user_writable) names.emplace_back(kind.name);
    return names;
  }

  void of_kind(const model::Kind& kind) {
    map([&] {
      object("if", [&] {
        object("properties", [&] { object("kind", [&] { text("const", kind.name); }); });
        list("required", {"kind"});
      });
      key("then", [&] { reference(*kind.prototype->GetDescriptor()); });
    });
  }

  void collect(const Descriptor& type) {
    if (cli::is_free(type)) return;
    if (type.map_key() == nullptr && !all_.emplace(type.name(), &type).second) return;
    for (int i = 0; i < type.field_count(); ++i) {
      // The hub's word is not what people write; it is taken, and not looked at.
      if (is_kind(type) && type.field(i)->name() == "status") continue;
      if (const auto* inner = type.field(i)->message_type()) collect(*inner);
    }
  }

  void reference(const Descriptor& type) {
    map([&] { text("$ref", "#/$defs/" + type.name()); });
  }

  // Without the braces.
  void value(const FieldDescriptor& field) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        if (field.message_type()->name() == "Timestamp")
          text("type", "string");
        else if (field.message_type()->name() == "Struct")
          text("type", "object");
        else if (!cli::is_free(*field.message_type()))
          text("$ref", "#/$defs/" + field.message_type()->name());
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        text("type", "boolean");
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        texts("type", {"string", "number"});
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        text("type", "integer");
        sink_.key("minimum");
        sink_.literal("0");
        break;
      default:
        texts("type", {"integer", "string"});
    }
  }

  // Files and volumes of a container are keyed by target as well.
  static bool by_target(const FieldDescriptor& field) {
    return field.containing_type() == v1::ScoreContainer::descriptor() &&
           (field.name() == "files" || field.name() == "volumes");
  }

  void many(const FieldDescriptor& field) {
    const bool map_of = field.is_map();
    text("type", map_of ? "object" : "array");
    object(map_of ? "additionalProperties" : "items",
           [&] { value(map_of ? *field.message_type()->map_value() : field); });
  }

  void property(const FieldDescriptor& field) {
    auto said = cli::schema_comment(field.full_name());
    if (said.empty() && field.message_type() != nullptr)
      said = cli::schema_comment(field.message_type()->full_name());
    if (!said.empty()) text("description", said);
    if (by_target(field)) {
      key("oneOf", [&] {
        sink_.begin_list(false);
        map([&] { many(field); });
        map([&] {
          text("type", "object");
          object("additionalProperties", [&] { value(field); });
        });
        sink_.end_list();
      });
    } else if (field.is_repeated()) {
      many(field);
    } else {
      value(field);
    }
  }

  void message(const Descriptor& type) {
    const bool kind = is_kind(type);
    if (const auto said = cli::schema_comment(type.full_name()); !said.empty()) text("description", said);
    text("type", "object");
    sink_.key("additionalProperties");
    sink_.literal("false");
    if (kind) list("required", {"apiVersion", "kind", "metadata"});
    if (type.name() == "ObjectMeta") list("required", {"name"});
    sink_.key("properties");
    sink_.begin_map(type.field_count() == 0);
    for (int i = 0; i < type.field_count(); ++i) {
      const auto& field = *type.field(i);
      object(field.json_name(), [&] {
        if (kind && field.name() == "status")
          text("description", "Written by the hub alone, ignored in what is applied.");
        else if (kind && field.name() == "api_version")
          text("const", model::kApiVersion);
        else if (kind && field.name() == "kind")
          text("const", type.name());
        else
          property(field);
      });
    }
    sink_.end_map();
  }

  model::JsonSink sink_{true};
  std::map<std::string, const Descriptor*> all_;
};

}  // namespace

std::string editor_schema() { return Schema().write(); }

}  // namespace qleet::test
