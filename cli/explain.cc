#include "cli/explain.h"

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "cli/kinds.h"
#include "cli/schema_comments/comments.h"
#include "cli/schema_fields.h"
#include "cli/terminal.h"
#include "common/model/model.h"
#include "google/protobuf/descriptor.h"

namespace qleet::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr size_t kWidth = 78;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : text) {
    if (c == '.') {
      parts.push_back(std::exchange(part, {}));
    } else {
      part += c;
    }
  }
  parts.push_back(part);
  return parts;
}

std::string simple_type(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (field.message_type()->name() == "Timestamp") return "time";
      return is_free(*field.message_type()) ? "object of any fields" : "object";
    default:
      return "number";
  }
}

std::string type_of(const FieldDescriptor& field) {
  if (field.is_map()) return "map of name to " + simple_type(value_of_field(field));
  return (field.is_repeated() ? "list of " : "") + simple_type(field);
}

// What is said of it: of the field, else of the type that it holds.
std::string said_of(const FieldDescriptor& field) {
  auto text = std::string(schema_comment(field.full_name()));
  if (text.empty())
    if (const auto* type = fields_of(field)) text = schema_comment(type->full_name());
  return text;
}

std::string wrapped(const std::string& text, size_t indent) {
  std::string out;
  std::string line(indent, ' ');
  size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find(' ', at), text.size());
    const auto word = text.substr(at, end - at);
    if (line.size() > indent && display_width(line) + 1 + display_width(word) > kWidth) {
      out += line + "\n";
      line = std::string(indent, ' ');
    }
    line += (line.size() > indent ? " " : "") + word;
    at = end + 1;
  }
  return text.empty() ? "" : out + line + "\n";
}

std::vector<std::string> names_of(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->json_name());
  return names;
}

const FieldDescriptor* field_named(const Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i)
    if (type.field(i)->json_name() == name || type.field(i)->name() == name) return type.field(i);
  return nullptr;
}

// "status" and what stands beside it in every object are said once.
std::string known_of(const FieldDescriptor& field) {
  const auto text = said_of(field);
  if (!text.empty() || field.containing_type()->file()->package() != "qleet.v1") return text;
  if (field.json_name() == "apiVersion") return "Always " + std::string(model::kApiVersion) + ".";
  if (field.json_name() == "kind") return "What kind of object it is.";
  if (field.json_name() == "metadata")
    return "What every object has: its name, its labels, what the hub notes.";
  if (field.json_name() == "spec") return "What is wanted: what people write.";
  if (field.json_name() == "status") return "What is: written by the hub alone, ignored in what is applied.";
  return text;
}

void add_all(const Descriptor& type, size_t indent, std::set<const Descriptor*> above, std::string& out) {
  if (!above.insert(&type).second) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    out += std::string(indent, ' ') + field.json_name() + "  <" + type_of(field) + ">\n";
    if (const auto* inner = fields_of(field)) add_all(*inner, indent + 2, above, out);
  }
}

std::string fields_text(const Descriptor& type, bool recursive) {
  std::string out = "\nFields:\n";
  if (recursive) {
    add_all(type, 2, {}, out);
    return out;
  }
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    out += "  " + field.json_name() + "  <" + type_of(field) + ">\n" + wrapped(known_of(field), 6);
  }
  return out;
}

bool is_placeholder(const std::string& part) { return part.starts_with('<') || part == "*"; }

// Where a path leads.
struct Place {
  const model::Kind* kind = nullptr;
  const FieldDescriptor* field = nullptr;  // null: the object itself
  const Descriptor* type = nullptr;        // null: it has no fields
  std::string shown;
};

Result<Place> place_of(const std::string& path) {
  auto parts = split(path);
  const auto* kind = TRY(kind_named(parts.front()));
  const Descriptor* type = kind->prototype->GetDescriptor();
  const FieldDescriptor* field = nullptr;
  std::string shown;
  bool key_may_follow = false;
  for (size_t i = 1; i < parts.size(); ++i) {
    std::string part = parts[i];
    if (const auto bracket = part.find('['); bracket != std::string::npos) part.resize(bracket);
    if (is_placeholder(part) && key_may_follow) {
      key_may_follow = false;
      continue;
    }
    if (type == nullptr) {
      // Below what takes any fields there is nothing more to say than there.
      if (field != nullptr && value_of_field(*field).message_type() != nullptr) break;
      return fail(Code::kInvalid, shown + ": has no fields, so there is no \"" + part + "\"");
    }
    const auto* found = field_named(*type, part);
    if (found == nullptr && key_may_follow) {  // the name that somebody gave
      key_may_follow = false;
      continue;
    }
    if (found == nullptr) {
      const auto near = model::nearest(part, names_of(*type));
      std::string all;
      for (const auto& name : names_of(*type)) all += (all.empty() ? "" : ", ") + name;
      return fail(Code::kInvalid,
                  (shown.empty() ? std::string(kind->name) : shown) + ": no field \"" + part + "\"" +
                      (near.empty() ? "; there is: " + all : "; did you mean \"" + near + "\"?"));
    }
    field = found;
    shown += (shown.empty() ? "" : ".") + field->json_name() +
             (field->is_map()        ? ".<name>"
              : field->is_repeated() ? "[]"
                                     : "");
    type = fields_of(*field);
    key_may_follow = field->is_map();
  }
  return Place{kind, field, type, shown};
}

}  // namespace

std::vector<std::string> fields_below(const std::string& path) {
  const auto place = place_of(path);
  return place && place->type != nullptr ? names_of(*place->type) : std::vector<std::string>{};
}

Result<std::string> explain_field(const std::string& path, bool recursive) {
  const auto [kind, field, type, shown] = TRY(place_of(path));
  std::string out = "Kind:   " + std::string(kind->name) + " (" + std::string(kind->plural) + ", " +
                    std::string(kind->short_name) + ")\n";
  if (field == nullptr) {
    out += "\n" + wrapped(std::string(schema_comment(type->full_name())), 2);
  } else {
    out += "Field:  " + shown + "  <" + type_of(*field) + ">\n\n" + wrapped(known_of(*field), 2);
  }
  if (type != nullptr) out += fields_text(*type, recursive);
  return out;
}

}  // namespace qleet::cli
