// JSON into trees: what people and programs send, before any schema is asked.
#include "common/model/tree.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const model::DecodeLimits limits;
  const auto documents = model::read_json(text, limits);
  if (!documents) {
    fuzz::must(!documents.error().message.empty(), "an error says what is wrong");
    return 0;
  }
  fuzz::must(documents->size() <= limits.max_documents, "documents are bounded");
  return 0;
}
