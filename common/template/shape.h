// What one object of a template may hold: its parser takes these fields and no others (Fields::only), and
// hubs are told of them as a JSON Schema, so that a profile can be checked before anything is made by it.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "google/protobuf/struct.pb.h"

namespace qleet::templates {

struct Shape;

enum class FieldType {
  kText,
  kNumber,
  kFlag,
  kTime,           // "500ms"
  kSize,           // "64M"
  kProcessors,     // "500m"
  kTexts,          // a list
  kCommands,       // a list of lists of texts
  kMap,            // name -> text
  kDocument,       // an object of another language
  kObject,         // of `inner`
  kMapOrObjects,   // name -> text, or a list of `inner`
  kMapOfObjects,   // name -> text or `inner`
  kListOfObjects,  // of numbers or `inner`
};

struct Field {
  std::string_view name;
  FieldType type = FieldType::kText;
  const Shape* inner = nullptr;
};

struct Shape {
  std::span<const Field> fields;
  bool open = false;  // any other field is taken too
};

// JSON Schema of a template that is of one of the shapes: a field is known where one of them knows it. Types
// are those before placeholders are filled in: a text may stand for anything that it may become.
google::protobuf::Struct json_schema(std::initializer_list<const Shape*> shapes);

// Whether one of `outputs` is the name, or the beginning of it with a "*" behind ("port.*").
bool tells(std::span<const std::string> outputs, std::string_view name);

}  // namespace qleet::templates
