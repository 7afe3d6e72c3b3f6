// Reading a template: typed access that collects every mistake with its path, so that a person mends all of
// them at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "common/template/shape.h"
#include "google/protobuf/struct.pb.h"

namespace qleet::templates {

// Of one object in a template. Numbers and flags are also taken from text, since a placeholder inside a
// longer string leaves text. Not thread-safe; refers to the object and the list of errors.
class Fields {
 public:
  Fields(const google::protobuf::Struct& object, std::string path, std::vector<FieldError>& errors)
      : object_(object), path_(std::move(path)), errors_(errors) {}

  bool has(std::string_view name) const { return find(name) != nullptr; }
  const google::protobuf::Value* find(std::string_view name) const;

  std::string text(std::string_view name, std::string otherwise = {});
  std::string required(std::string_view name);
  std::optional<std::uint64_t> number(std::string_view name, std::uint64_t least, std::uint64_t most);
  bool flag(std::string_view name, bool otherwise);
  std::vector<std::string> list(std::string_view name);
  std::map<std::string, std::string> map(std::string_view name);
  // "2s", "500ms"; a number is seconds.
  Millis duration(std::string_view name, Millis otherwise);
  // "64M", "1Gi", "512" (bytes); 0 when absent.
  std::int64_t bytes(std::string_view name);
  // "500m", "1.5": in billionths; 0 when absent.
  std::int64_t cpus(std::string_view name);
  // Absent: nothing.
  const google::protobuf::Struct* object(std::string_view name);
  std::vector<const google::protobuf::Value*> values(std::string_view name);

  // Any field that the shape has not is a mistake.
  void only(const Shape& shape);
  void wrong(std::string_view name, std::string message);
  std::string path(std::string_view name) const;
  std::vector<FieldError>& errors() { return errors_; }

 private:
  const google::protobuf::Struct& object_;
  std::string path_;
  std::vector<FieldError>& errors_;
};

// As text, where the value is text, a number or a flag.
std::optional<std::string> as_text(const google::protobuf::Value& value);

std::optional<std::int64_t> parse_bytes(std::string_view text);
std::optional<std::int64_t> parse_cpus(std::string_view text);

// kInvalid with reason InvalidTemplate, naming every field; nothing when there are no errors.
Result<> check(std::vector<FieldError> errors);

}  // namespace qleet::templates
