// `qleet explain` says something of every field that may be written, those of docs/reference/objects.md among
// them.
#include "cli/explain.h"

#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>

#include "common/model/model.h"

namespace qleet::cli {
namespace {

// The paths in the first column of the tables below a kind's heading.
std::vector<std::string> documented_paths() {
  std::ifstream in(QLEET_SOURCE_DIR "/docs/reference/objects.md");
  std::vector<std::string> paths;
  std::string kind;
  std::string line;
  const std::regex heading("^## (\\w+) \\((\\w+)\\).*");
  const std::regex row("^\\| ((Region|Agent) )?`(spec\\.[^`]+)`.*");
  while (std::getline(in, line)) {
    std::smatch match;
    if (std::regex_match(line, match, heading)) {
      kind = match[2];
    } else if (line.starts_with("## ")) {
      kind.clear();
    } else if (!kind.empty() && std::regex_match(line, match, row)) {
      paths.push_back((match[2].matched ? match[2].str() : kind) + "." + match[3].str());
    }
  }
  return paths;
}

TEST(Explain, KnowsEveryDocumentedField) {
  const auto paths = documented_paths();
  EXPECT_GT(paths.size(), 30U);
  for (const auto& path : paths) {
    const auto text = explain_field(path, false);
    ASSERT_TRUE(text) << path << ": " << text.error().message;
  }
}

using google::protobuf::Descriptor;

// Fields without a word, by path; the status is the hub's own.
void collect_unsaid(const Descriptor& type, const std::string& path, std::set<const Descriptor*> above,
                    std::vector<std::string>& unsaid) {
  if (!above.insert(&type).second) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    if (field.name() == "status") continue;
    const auto below = path + "." + field.json_name();
    const auto text = explain_field(below, false);
    if (!text) {
      unsaid.push_back(below + ": " + text.error().message);
      continue;
    }
    // "Kind: ...\nField: ...\n\n  <the description>".
    const auto head = text->find("\n\n");
    if (head == std::string::npos || text->compare(head + 2, 2, "  ") != 0) unsaid.push_back(below);
    const auto& value = field.is_map() ? *field.message_type()->map_value() : field;
    if (value.message_type() != nullptr && value.message_type()->file()->package() == "qleet.v1")
      collect_unsaid(*value.message_type(), below, above, unsaid);
  }
}

TEST(Explain, SaysSomethingOfEveryFieldThatPeopleWrite) {
  std::vector<std::string> unsaid;
  for (const auto& kind : model::kinds())
    if (kind.user_writable)
      collect_unsaid(*kind.prototype->GetDescriptor(), std::string(kind.short_name), {}, unsaid);
  std::string all;
  for (const auto& path : unsaid) all += path + "\n";
  EXPECT_EQ(all, "");
}

TEST(Explain, NamesTheNearestField) {
  EXPECT_EQ(explain_field("app.spec.wrkloads", false).error().message,
            R"(spec: no field "wrkloads"; did you mean "workloads"?)");
  EXPECT_EQ(explain_field("ap", false).error().message, R"(no kind "ap"; did you mean "app"?)");
  EXPECT_EQ(explain_field("app.spec.workloads.web.replicas.x", false).error().message,
            R"(spec.workloads.<name>.replicas: has no fields, so there is no "x")");
}

TEST(Explain, TakesKeysOfMapsAndListsOrLeavesThemOut) {
  const auto wanted = explain_field("app.spec.workloads.score.containers.image", false);
  ASSERT_TRUE(wanted);
  for (const std::string path : {"app.spec.workloads.web.score.containers.web.image",
                                 "app.spec.workloads.<name>.score.containers.<name>.image"})
    EXPECT_EQ(explain_field(path, false).value_or("wrong"), *wanted) << path;
  EXPECT_TRUE(explain_field("app.spec.environments[]", false));
  EXPECT_TRUE(explain_field("prof.spec.template.anything.below", false));
}

}  // namespace
}  // namespace qleet::cli
