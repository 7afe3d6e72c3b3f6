#include "hub/controllers/resource_size.h"

#include <fmt/format.h>

namespace qleet::hub::controllers {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

void look(const std::string& path, const Value& value, Part& largest);

void look(const std::string& path, const Struct& fields, Part& largest) {
  for (const auto& [key, value] : fields.fields())
    look(path.empty() ? key : fmt::format("{}.{}", path, key), value, largest);
}

void look(const std::string& path, const Value& value, Part& largest) {
  if (value.has_struct_value()) return look(path, value.struct_value(), largest);
  if (value.has_list_value()) {
    for (int i = 0; i < value.list_value().values_size(); ++i)
      look(fmt::format("{}[{}]", path, i), value.list_value().values(i), largest);
    return;
  }
  const auto bytes = value.string_value().size();
  const bool first_by_name = bytes == largest.bytes && path < largest.path;
  if (bytes > largest.bytes || first_by_name) largest = {path, bytes};
}

}  // namespace

size_t content_bytes(const v1::ResourceSpec& spec) {
  size_t bytes = spec.template_().ByteSizeLong() + spec.outputs().ByteSizeLong();
  for (const auto& [alias, resource] : spec.dependencies()) bytes += alias.size() + resource.size() + 8;
  return bytes;
}

Part largest_part(const Struct& content) {
  Part largest;
  look("", content, largest);
  return largest;
}

std::string in_kb(size_t bytes) { return fmt::format("{}", (bytes + 1023) / 1024); }

}  // namespace qleet::hub::controllers
