// Changes to the text of a document that leave all else as it was written, down to its lines: so what is said
// of a line is said of the file that somebody wrote.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "common/model/tree.h"
#include "common/result/result.h"

namespace qleet::cli {

// `text`, and what was read from it, must outlive this.
class Splices {
 public:
  explicit Splices(std::string_view text) : text_(text) {}

  // Another name for a key, and another text as a value, of the nodes of that text. kInvalid where the old
  // one is written over several lines.
  Result<> rename(const model::Entry& entry, std::string_view name);
  Result<> replace(const model::TextNode& value, std::string_view text);

  // The text with all of them.
  std::string apply() const;

 private:
  Result<> put(size_t offset, std::string_view written, std::string with);

  struct Splice {
    size_t length = 0;
    std::string with;
  };
  const std::string_view text_;
  std::map<size_t, Splice> splices_;  // by where they begin
};

}  // namespace qleet::cli
