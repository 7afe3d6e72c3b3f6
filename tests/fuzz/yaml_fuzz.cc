// YAML into trees. The parser behind it is not ours: what it costs is looked at as well as what it says.
#include <ctime>

#include "common/model/tree.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

namespace {

size_t nodes_of(const model::TextNode& node) {
  size_t count = 1;
  for (const auto& item : node.items) count += nodes_of(item);
  for (const auto& entry : node.entries) count += nodes_of(entry.value);
  return count;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const model::DecodeLimits limits;
  const auto began = std::clock();
  const auto documents = model::read_yaml(text, limits);
  const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  // Far above what a linear parser takes, under sanitizers and on a loaded machine.
  fuzz::must(seconds < 2 + static_cast<double>(size) / 20'000, "the time grows with the text, no faster");
  if (!documents) {
    fuzz::must(!documents.error().message.empty(), "an error says what is wrong");
    return 0;
  }
  fuzz::must(documents->size() <= limits.max_documents, "documents are bounded");
  for (const auto& document : *documents)
    fuzz::must(nodes_of(document) <= 2 * size + 2, "nothing is expanded");
  return 0;
}
