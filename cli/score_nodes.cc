#include "cli/score_nodes.h"

namespace qleet::cli {
namespace {

std::string text_of(const model::TextNode& node, std::string_view key) {
  const auto* found = node.find(key);
  return found != nullptr && found->type == model::TextNode::Type::kString ? found->text : std::string();
}

void collect(const model::TextNode& document, const std::string& prefix, std::vector<ScoreNode>& found) {
  if (text_of(document, "apiVersion").starts_with("score.dev/")) {
    const auto* metadata = document.find("metadata");
    const auto name = metadata == nullptr ? std::string() : text_of(*metadata, "name");
    found.push_back({&document, prefix, "spec.workloads." + name + ".score."});
    return;
  }
  if (const auto* items = document.find("items");
      items != nullptr && text_of(document, "kind").ends_with("List")) {
    for (size_t i = 0; i < items->items.size(); ++i) {
      std::string place = prefix + "items";
      model::append_step(place, static_cast<int>(i));
      collect(items->items[i], place + ".", found);
    }
    return;
  }
  const auto* spec = document.find("spec");
  const auto* workloads = spec == nullptr ? nullptr : spec->find("workloads");
  if (workloads == nullptr) return;
  for (const auto& entry : workloads->entries) {
    const auto* score = entry.value.find("score");
    if (score == nullptr) continue;
    std::string field = "spec.workloads";
    model::append_step(field, entry.key);
    field += ".score.";
    found.push_back({score, prefix + field, field});
  }
}

}  // namespace

std::vector<ScoreNode> score_nodes(const model::TextNode& document) {
  std::vector<ScoreNode> found;
  collect(document, "", found);
  return found;
}

}  // namespace qleet::cli
