#include "cli/kinds.h"

#include <algorithm>

#include "cli/notices.h"

namespace qleet::cli {
namespace {

void add_name(std::vector<Target>& targets, const model::Kind* kind, const std::string& name) {
  auto target = std::ranges::find(targets, kind, &Target::kind);
  if (target == targets.end()) target = targets.insert(targets.end(), {.kind = kind});
  target->names.push_back(name);
}

}  // namespace

Result<const model::Kind*> kind_named(const std::string& word) {
  if (const auto* kind = model::find_kind(word)) return kind;
  std::vector<std::string> known;
  std::string all;
  for (const auto& kind : model::kinds()) {
    known.emplace_back(kind.plural);
    known.emplace_back(kind.short_name);
    known.push_back(lower(std::string(kind.name)));
    all += (all.empty() ? "" : ", ") + std::string(kind.plural);
  }
  const auto nearest = model::nearest(word, known);
  return fail(Code::kInvalid,
              "no kind \"" + word + "\"" +
                  (nearest.empty() ? "; there is: " + all : "; did you mean \"" + nearest + "\"?"));
}

Result<std::vector<Target>> targets_of(const std::vector<std::string>& words) {
  if (words.empty()) return fail(Code::kInvalid, "a kind is missing, such as apps");
  std::vector<Target> targets;
  if (words.front().contains('/')) {
    for (const auto& word : words) {
      const auto slash = word.find('/');
      if (slash == std::string::npos)
        return fail(Code::kInvalid, "\"" + word + "\": after " + words.front() + " write KIND/NAME");
      if (slash + 1 == word.size()) return fail(Code::kInvalid, "\"" + word + "\": the name is missing");
      add_name(targets, TRY(kind_named(word.substr(0, slash))), word.substr(slash + 1));
    }
    return targets;
  }
  std::string_view kinds = words.front();
  while (true) {
    const auto comma = kinds.find(',');
    const auto* kind = TRY(kind_named(std::string(kinds.substr(0, comma))));
    if (std::ranges::find(targets, kind, &Target::kind) == targets.end()) targets.push_back({.kind = kind});
    if (comma == std::string_view::npos) break;
    kinds.remove_prefix(comma + 1);
  }
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i].contains('/'))
      return fail(Code::kInvalid,
                  "\"" + words[i] + "\": write either KIND NAME... or KIND/NAME..., not both");
    for (auto& target : targets) target.names.push_back(words[i]);
  }
  return targets;
}

Result<std::vector<Target>> named_targets_of(const std::vector<std::string>& words) {
  auto targets = TRY(targets_of(words));
  for (const auto& target : targets)
    if (target.names.empty())
      return fail(Code::kInvalid,
                  std::string(target.kind->plural) + ": a name is missing; write KIND NAME or KIND/NAME");
  return targets;
}

}  // namespace qleet::cli
