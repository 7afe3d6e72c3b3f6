// Documents from files, folders and standard input, with the way back from what is said of them to the line
// that somebody wrote.
#pragma once

#include <string>
#include <vector>

#include "common/result/result.h"

namespace qleet::cli {

// What becomes of files that a Score document names as `source`.
enum class SourceFiles {
  kPutIn,  // their content takes their place
  kLeave,  // for who needs names alone
};

struct InputOptions {
  SourceFiles source_files = SourceFiles::kPutIn;
  std::string image;  // instead of "." as the image of a Score container; empty: they stay
};

class Input {
 public:
  // `paths`: files, "-", or folders (their *.yaml, *.yml and *.json, sorted). A Score document is somebody
  // else's as often as not: as `source` it may name regular files below its own folder alone, and none where
  // it comes from standard input or a pipe; the files of a folder may not be links that lead out of it.
  // kInvalid, with document, line and field, when something cannot be read or nothing is there.
  static Result<Input> read(const std::vector<std::string>& paths, const InputOptions& options = {});

  // As it was written, but for sources and images: no line more, and none less, in each document.
  const std::string& text() const { return text_; }
  // Gives each wrong field its file and the line in it, and the name that it has there.
  Error locate(Error error) const;
  // Names of the applications in it, in order.
  const std::vector<std::string>& applications() const { return applications_; }
  // The files whose content went into the text.
  const std::vector<std::string>& sent_files() const { return sent_files_; }

 private:
  struct Part {
    std::string name;
    int first_line = 1;
    std::string text;  // as it was written
  };
  void find(FieldError& field) const;

  std::string text_;
  std::vector<Part> parts_;
  std::vector<std::string> applications_;
  std::vector<std::string> sent_files_;
};

}  // namespace qleet::cli
