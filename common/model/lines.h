// Where the fields of a document stand in its text, and how they are called there.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/model/tree.h"

namespace qleet::model {

// Of one document; keeps nothing of it.
class Lines {
 public:
  explicit Lines(const TextNode& document);

  // The field as it is written: files and volumes that are keyed by target are named by their key, where
  // messages hold a list.
  std::string written(std::string_view field) const;

  struct Spot {
    int line = 0;
    size_t depth = 0;  // length of the part of the field that is in the text
  };
  // Of the field, or of the nearest one around it that is in the text.
  Spot find(std::string_view field) const;

 private:
  void index(const TextNode& node, const std::string& path);

  std::unordered_map<std::string, int> lines_;
  std::vector<std::pair<std::string, std::string>> keyed_;  // files[0] -> files["/a"]
};

}  // namespace qleet::model
