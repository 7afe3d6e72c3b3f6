#include "common/model/lines.h"

namespace qleet::model {

Lines::Lines(const TextNode& document) { index(document, ""); }

void Lines::index(const TextNode& node, const std::string& path) {
  lines_.emplace(path, node.line);
  const bool by_target = path.ends_with(".files") || path.ends_with(".volumes");
  int position = 0;
  for (const auto& entry : node.entries) {
    std::string child = path;
    append_step(child, entry.key);
    if (by_target) {
      std::string listed = path;
      append_step(listed, position++);
      keyed_.emplace_back(std::move(listed), child);
    }
    index(entry.value, child);
    lines_[child] = entry.line;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    std::string child = path;
    append_step(child, static_cast<int>(i));
    index(node.items[i], child);
  }
}

std::string Lines::written(std::string_view field) const {
  for (const auto& [listed, keyed] : keyed_) {
    if (field.starts_with(listed)) return keyed + std::string(field.substr(listed.size()));
  }
  return std::string(field);
}

Lines::Spot Lines::find(std::string_view field) const {
  std::string path = written(field);
  auto found = lines_.find(path);
  while (found == lines_.end() && !path.empty()) {
    const auto cut = path.find_last_of(".[");
    path.resize(cut == std::string::npos ? 0 : cut);
    found = lines_.find(path);
  }
  return {found == lines_.end() ? 0 : found->second, path.size()};
}

}  // namespace qleet::model
