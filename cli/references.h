// What a Score document leaves to whoever applies it: files beside it, and the image that was just built.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/sources.h"
#include "cli/splices.h"
#include "common/model/tree.h"

namespace qleet::cli {

struct SentFile {
  std::string path;
  size_t bytes = 0;  // as it stands in the text
  FieldError place;  // where it is named
};

// Of one file of documents. `name`: of it, for people. `folder`: in which sources lie; none where it is no
// file itself.
class References {
 public:
  References(std::string name, std::optional<std::filesystem::path> folder)
      : name_(std::move(name)), folder_(std::move(folder)) {}

  // Puts in what the `source` of files names: text as content, anything else as binaryContent. kInvalid with
  // document, line and field.
  Result<> put_sources(const model::TextNode& document, Splices& splices);
  // The image for ".": how often. kInvalid as above.
  Result<size_t> put_image(const model::TextNode& document, const std::string& image, Splices& splices) const;

  const std::vector<SentFile>& sent() const { return sent_; }

 private:
  Result<> put_source(const model::TextNode& file, const std::string& field, Splices& splices);
  Result<std::string> read(const std::string& source);

  const std::string name_;
  const std::optional<std::filesystem::path> folder_;
  std::optional<SourceFolder> opened_;
  std::vector<SentFile> sent_;
};

}  // namespace qleet::cli
