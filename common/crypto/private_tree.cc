#include "common/crypto/private_tree.h"

#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#include "common/crypto/private_file.h"

namespace qleet::crypto {
namespace {

namespace fs = std::filesystem;

bool of_a_process(const fs::path& file) { return file.extension() == ".pid" || file.extension() == ".log"; }

// Plain files below `folder`, relative to it.
Result<std::vector<fs::path>> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_regular_file(gone) && !of_a_process(at->path()))
      files.push_back(at->path().lexically_relative(folder));
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return fail(Code::kInternal, folder.string() + ": " + error.message());
  return files;
}

}  // namespace

Result<> copy_private_tree(const fs::path& from, const fs::path& to) {
  for (const auto& file : TRY(files_below(from))) {
    std::ifstream in(from / file, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), {}};
    if (!in) return fail(Code::kInternal, (from / file).string() + ": cannot be read");
    TRY(write_private_file(to / file, content));
  }
  return {};
}

bool holds_files(const fs::path& folder) {
  const auto files = files_below(folder);
  return files && !files->empty();
}

}  // namespace qleet::crypto
