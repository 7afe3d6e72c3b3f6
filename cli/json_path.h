// JSONPath as kubectl takes it, over what the hub answers: `{.items[*].metadata.name}`, `{.spec['a.b']}`,
// `{..image}`, slices, unions, filters (`[?(@.state=="Ready")]`), `{range}...{end}`, quoted text and text
// around the braces. A path may also stand without braces, as `.metadata.name`. What is not there prints
// nothing. Not taken: functions, arithmetic, `&&` and `||` in filters.
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "google/protobuf/struct.pb.h"

namespace qleet::cli {

using JsonValue = google::protobuf::Value;

// Immutable once it is parsed.
class JsonPath {
 public:
  // kInvalid names the place and what is wrong with it.
  static Result<JsonPath> parse(std::string_view text);

  // The text that it makes of the value; several results of one path stand with a space between them.
  std::string print(const JsonValue& root) const;
  // What its paths lead to, in order.
  std::vector<JsonValue> find(const JsonValue& root) const;

  struct Node;

 private:
  std::shared_ptr<const std::vector<Node>> nodes_;
};

// As it stands in a line: a text as it is, everything else as JSON.
std::string plain(const JsonValue& value);
// Numbers by their amount, also those that stand as text (64 bits do in JSON); else by their letters.
std::strong_ordering compare(const JsonValue& a, const JsonValue& b);

}  // namespace qleet::cli
