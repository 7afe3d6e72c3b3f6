// The Score documents in a document of any kind.
#pragma once

#include <string>
#include <vector>

#include "common/model/tree.h"

namespace qleet::cli {

struct ScoreNode {
  const model::TextNode* node;  // the Score document
  std::string prefix;  // of its fields as the document has them: "spec.workloads.web.score."; "" at the top
  std::string object_prefix;  // as the object that is made of it has them
};

// One that is the document itself, those of an Application's workloads, and those of a List's items.
std::vector<ScoreNode> score_nodes(const model::TextNode& document);

}  // namespace qleet::cli
