#include "hub/frontend/flatten.h"

#include <fmt/format.h>

#include "common/template/template.h"

namespace qleet::hub::frontend {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

std::string json_of(const Value& value) {
  Struct holder;
  (*holder.mutable_fields())["v"] = value;
  const auto text = templates::canonical(holder);
  return text.substr(5, text.size() - 6);  // without {"v": and }
}

void add(const Value& value, const std::string& path, std::map<std::string, std::string>& out) {
  if (value.has_struct_value() && !value.struct_value().fields().empty()) {
    for (const auto& [key, child] : value.struct_value().fields())
      add(child, path.empty() ? key : fmt::format("{}.{}", path, key), out);
  } else if (value.has_list_value() && !value.list_value().values().empty()) {
    for (int i = 0; i < value.list_value().values_size(); ++i)
      add(value.list_value().values(i), fmt::format("{}[{}]", path, i), out);
  } else {
    out[path] = json_of(value);
  }
}

}  // namespace

std::map<std::string, std::string> flatten(const Struct& document) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : document.fields()) add(value, key, out);
  return out;
}

std::vector<v1::DiffEntry> compare(const std::map<std::string, std::string>& before,
                                   const std::map<std::string, std::string>& after) {
  std::map<std::string, v1::DiffEntry> entries;
  for (const auto& [path, value] : before) {
    const auto found = after.find(path);
    if (found != after.end() && found->second == value) continue;
    auto& entry = entries[path];
    entry.set_before(value);
    entry.set_action(found == after.end() ? "-" : "~");
    if (found != after.end()) entry.set_after(found->second);
  }
  for (const auto& [path, value] : after) {
    if (before.contains(path)) continue;
    entries[path].set_after(value);
    entries[path].set_action("+");
  }
  std::vector<v1::DiffEntry> sorted;
  for (auto& [path, entry] : entries) {
    entry.set_path(path);
    sorted.push_back(std::move(entry));
  }
  return sorted;
}

}  // namespace qleet::hub::frontend
