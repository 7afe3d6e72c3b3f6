// Who may include whom (docs/architecture.md): the folders' arrows, checked over every source file.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

// Folder -> what its files may include, by first folders of the path. The longest prefix of a file's path
// decides.
const std::map<std::string, std::vector<std::string>> kAllowed{
    {"common", {"common"}},
    {"hub", {"hub", "common"}},
    {"agent", {"agent", "common", "providers/api"}},
    {"providers/api", {"providers/api", "common"}},
    {"providers/noop", {"providers/noop", "providers/api", "common"}},
    {"providers/container", {"providers/container", "providers/api", "common"}},
    {"providers/route", {"providers/route", "providers/api", "common"}},
    {"cli", {"cli", "common"}},
    {"bench", {"bench", "cli", "hub", "agent", "providers", "common"}},
};

bool below(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

std::vector<std::string> includes_of(const fs::path& file) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*"([^"]+)\")");
  std::vector<std::string> result;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (std::regex_search(line, match, kInclude)) result.push_back(match[1]);
  }
  return result;
}

bool is_ours(const std::string& include) {
  for (const char* folder : {"common", "hub", "agent", "providers", "cli", "bench", "tests"}) {
    if (below(include, folder)) return true;
  }
  return false;
}

TEST(Arrows, EveryIncludeFollowsThem) {
  const fs::path root = QLEET_SOURCE_DIR;
  size_t files = 0;
  for (const auto& [folder, allowed] : kAllowed) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const auto extension = entry.path().extension();
      if (extension != ".h" && extension != ".cc") continue;
      ++files;
      const std::string path = fs::relative(entry.path(), root).string();
      const bool is_main = entry.path().filename() == "main.cc";
      for (const auto& include : includes_of(entry.path())) {
        if (!is_ours(include)) continue;
        bool fine = is_main && below(path, "agent") && below(include, "providers");
        for (const auto& target : allowed) fine = fine || below(include, target);
        EXPECT_TRUE(fine) << path << " must not include " << include;
      }
    }
  }
  EXPECT_GT(files, 50U);
}

TEST(Arrows, OnlyMainsNameTheConcreteStore) {
  const fs::path root = QLEET_SOURCE_DIR;
  for (const auto& entry : fs::recursive_directory_iterator(root / "hub")) {
    const std::string path = fs::relative(entry.path(), root).string();
    if (below(path, "hub/store") || entry.path().filename() == "main.cc") continue;
    for (const auto& include : includes_of(entry.path()))
      EXPECT_FALSE(include.starts_with("hub/store/lmdb")) << path << " names LMDB";
  }
}

}  // namespace
