#include "cli/kinds.h"

#include <vector>

namespace qleet::cli {

Result<const model::Kind*> kind_named(const std::string& word) {
  if (const auto* kind = model::find_kind(word)) return kind;
  std::vector<std::string> known;
  for (const auto& kind : model::kinds()) {
    known.emplace_back(kind.plural);
    known.emplace_back(kind.short_name);
  }
  const auto nearest = model::nearest(word, known);
  return fail(Code::kInvalid,
              "no kind \"" + word + "\"" +
                  (nearest.empty() ? "; see qleet get --help" : "; did you mean \"" + nearest + "\"?"));
}

}  // namespace qleet::cli
