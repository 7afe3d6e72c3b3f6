// A Score file as a developer writes it, up to the document that stands in a profile's template.
#include "common/model/model.h"
#include "common/template/template.h"
#include "hub/controllers/delivery.h"
#include "hub/controllers/score_document.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = "apiVersion: score.dev/v1b1\n" + std::string(fuzz::text_of(data, size));
  const auto objects = model::decode(text);
  if (!objects) return 0;
  for (const auto& object : *objects) {
    const auto* application = dynamic_cast<const v1::Application*>(object.get());
    if (!application) continue;
    for (const auto& [name, workload] : application->spec().workloads()) {
      hub::controllers::followed_container(workload);
      const auto document = hub::controllers::score_document(
          name, workload.score(),
          [](const std::vector<std::string>& path, const std::string&) -> Result<std::string> {
            return templates::to_text(path);
          });
      fuzz::must(document || !document.error().message.empty(), "an error says what is wrong");
      if (!document) continue;
      // What the agent is left to fill in was checked: it went through the lookup above.
      const auto left = templates::references(*document);
      fuzz::must(left.has_value(), "what goes to an agent can be read there");
      for (const auto& path : *left)
        fuzz::must(path.front() == "resources",
                   "nothing else is filled in by the agent: " + templates::to_text(path));
    }
  }
  return 0;
}
