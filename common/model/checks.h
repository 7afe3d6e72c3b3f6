// What the validators of all kinds have in common: rules on single fields that report at a place.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/model.h"
#include "common/model/tree.h"

namespace qleet::model {

using StringMap = google::protobuf::Map<std::string, std::string>;

class Checks {
 public:
  explicit Checks(std::vector<FieldError>& errors) : errors_(errors) {}

  void wrong(const Place& place, std::string message);

  // True when it is there.
  bool required(const Place& place, std::string_view value);
  // These take an empty value for one that was left out.
  void name(const Place& place, std::string_view value);
  void one_of(const Place& place, std::string_view value, std::initializer_list<std::string_view> known);
  void duration(const Place& place, std::string_view value);
  void selector(const Place& place, std::string_view value);
  void label_key(const Place& place, std::string_view value);
  void labels(const Place& place, const StringMap& labels);
  // Types and classes of dependencies, in profiles and Score resources.
  void type_word(const Place& place, std::string_view value);
  void repository(const Place& place, std::string_view value);

  void at_most(const Place& place, size_t count, size_t most, std::string_view what);
  void length(const Place& place, std::string_view value, size_t most);

 private:
  std::vector<FieldError>& errors_;
};

// "there is: a, b", sorted, or "there is none".
std::string there_is(std::vector<std::string> names);

// Keys of a protobuf map, sorted.
template <class Map>
std::vector<std::string> sorted_keys(const Map& map) {
  std::vector<std::string> keys;
  keys.reserve(map.size());
  for (const auto& entry : map) keys.push_back(entry.first);
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace qleet::model
