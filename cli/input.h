// Documents from files, folders and standard input, with the way back from a line of the whole to its file.
#pragma once

#include <string>
#include <vector>

#include "common/result/result.h"

namespace qleet::cli {

class Input {
 public:
  // `paths`: files, "-", or folders (their *.yaml, *.yml and *.json, sorted). Files that a Score document
  // names as `source` are put in as content, relative to the document's folder. kInvalid when something
  // cannot be read or nothing is there.
  static Result<Input> read(const std::vector<std::string>& paths);

  const std::string& text() const { return text_; }
  // Gives each wrong field its file and the line in it.
  Error locate(Error error) const;
  // Names of the applications in it, in order.
  const std::vector<std::string>& applications() const { return applications_; }

 private:
  struct Part {
    std::string name;
    int first_line = 1;
  };
  std::string text_;
  std::vector<Part> parts_;
  std::vector<std::string> applications_;
};

}  // namespace qleet::cli
