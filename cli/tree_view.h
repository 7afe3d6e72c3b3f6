// The tree of an application as text: a picture for a terminal, or one line for each change.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "common/clock/clock.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {

struct PictureLine {
  std::string text;
  bool calm = false;  // of what is ready: may be left out where there is no room
};

struct TreeLook {
  std::string elapsed;          // beside each place; empty: nothing
  std::optional<WallTime> now;  // how long each has been on its way is said
};

// "├─● postgres db   Progressing  12 s: pulling image ...".
std::vector<PictureLine> draw_tree(const Terminal& terminal, const v1::Tree& tree, const TreeLook& look);
// The lines, each with its end; at most `rows` of them, calm ones left out first, and how many that were.
std::string fitted(const std::vector<PictureLine>& lines, size_t rows);
// All of it. `elapsed` stands beside each place; empty: nothing.
std::string render_tree(const Terminal& terminal, const v1::Tree& tree, const std::string& elapsed);

// What is to be said where nothing can be drawn over: what changed since the last time, a line for each. Of a
// reason, what differs in numbers and addresses alone is no change, and no more than its beginning is said:
// all of it is in `describe`.
class TreeChanges {
 public:
  // "dev / local-1  postgres db: Progressing, pulling image ...".
  std::string news(const v1::Tree& tree);

 private:
  std::string line(const std::string& key, const std::string& what, const std::string& why, bool calm);
  void walk(const std::string& place, const v1::TreeNode& node, std::set<std::string>& seen,
            std::string& out);

  std::map<std::string, std::string> said_;
};

}  // namespace qleet::cli
