#include "tests/docs/fields_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/schema_comments/comments.h"
#include "cli/schema_fields.h"
#include "common/model/model.h"
#include "google/protobuf/descriptor.h"
#include "qleet/v1/meta.pb.h"

namespace qleet::test {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::string simple_type(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (field.message_type()->name() == "Timestamp") return "time";
      return cli::fields_of(field) != nullptr ? "object" : "any fields";
    default:
      return "number";
  }
}

std::string type_of(const FieldDescriptor& field) {
  if (field.is_map()) return "map of " + simple_type(cli::value_of_field(field));
  return (field.is_repeated() ? "list of " : "") + simple_type(field);
}

// In a cell of a table, where "<", "|" and "$" stand for themselves.
std::string cell(std::string text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') out += '\\';
    out += c;
  }
  return out;
}

void add_rows(const Descriptor& type, const std::string& path, std::set<const Descriptor*> above,
              std::string& out) {
  if (!above.insert(&type).second) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    const auto here = path + "." + field.json_name() +
                      (field.is_map()        ? ".<name>"
                       : field.is_repeated() ? "[]"
                                             : "");
    const auto* inner = cli::fields_of(field);
    std::string said(cli::schema_comment(field.full_name()));
    if (said.empty() && inner != nullptr) said = cli::schema_comment(inner->full_name());
    out += fmt::format("| `{}` | {} | {} |\n", here, type_of(field), cell(said));
    if (inner != nullptr) add_rows(*inner, here, above, out);
  }
}

}  // namespace

std::string fields_page() {
  std::string out =
      "# Fields\n\n"
      "<!-- Made by qleet_write_reference out of common/proto/qleet/v1. Change the comments there. -->\n\n"
      "Every field that people write, by kind. `qleet explain KIND.FIELD` shows the same in a terminal.\n"
      "[objects.md](objects.md) explains the fields at length; [schema.json](schema.json) is the same for "
      "editors\n([how](../guides/editors.md)). Every kind also has `apiVersion: qleet.io/v1`, `kind` and "
      "`metadata`.\n\n"
      "## metadata\n\n| field | type | meaning |\n|---|---|---|\n";
  const auto* meta = v1::ObjectMeta::descriptor();
  for (const char* name : {"name", "labels", "annotations"}) {
    const auto& field = *meta->FindFieldByName(name);
    out += fmt::format("| `metadata.{}` | {} | {} |\n", name, type_of(field),
                       cell(std::string(cli::schema_comment(field.full_name()))));
  }
  for (const auto& kind : model::kinds()) {
    if (!kind.user_writable) continue;
    const auto* type = kind.prototype->GetDescriptor();
    out += fmt::format("\n## {} ({})\n\n", kind.name, kind.short_name);
    if (const std::string said(cli::schema_comment(type->full_name())); !said.empty()) out += said + "\n\n";
    out += "| field | type | meaning |\n|---|---|---|\n";
    const auto* spec = type->FindFieldByName("spec");
    add_rows(*spec->message_type(), "spec", {}, out);
  }
  return out;
}

}  // namespace qleet::test
