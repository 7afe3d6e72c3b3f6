// JSON as tests read it: what is missing is null, and null has null members, so that a test states what it
// expects and nothing else.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Value;
}

namespace qleet::test {

class Json {
 public:
  Json() = default;
  // Null where it is no JSON.
  static Json parse(std::string_view text);

  // A path of fields: "metadata.name"; names with dots go through field().
  Json operator[](std::string_view path) const;
  Json field(const std::string& name) const;
  std::vector<Json> items() const;
  std::size_t size() const { return items().size(); }
  // Of an object.
  std::vector<std::string> names() const;

  bool null() const;
  // Text as it is, numbers and truth values as they are written, "" for everything else.
  std::string str() const;
  long number() const;  // also of a number written as text (64 bits in proto3's JSON)
  bool truth() const { return str() == "true"; }
  // The first item whose field at `path` is `value`.
  Json where(std::string_view path, std::string_view value) const;
  std::string dump() const;

 private:
  explicit Json(std::shared_ptr<const google::protobuf::Value> value) : value_(std::move(value)) {}
  std::shared_ptr<const google::protobuf::Value> value_;
};

}  // namespace qleet::test
