#include "hub/fleet/schema_check.h"

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "hub/store/objects.h"

namespace qleet::hub {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

bool is_word(std::string_view text, size_t most) {
  return !text.empty() && text.size() <= most && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/*$").contains(c);
  });
}

bool is_plain(std::string_view text, size_t most) {
  return text.size() <= most && std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

bool is_good(const Struct& object, const SchemaLimits& limits, int depth);

bool is_good(const Value& value, const SchemaLimits& limits, int depth) {
  switch (value.kind_case()) {
    case Value::kStructValue:
      return is_good(value.struct_value(), limits, depth);
    case Value::kListValue:
      return depth > 0 && std::ranges::all_of(value.list_value().values(), [&](const Value& item) {
               return is_good(item, limits, depth - 1);
             });
    case Value::kStringValue:
      return is_plain(value.string_value(), limits.max_text);
    default:
      return true;
  }
}

bool is_good(const Struct& object, const SchemaLimits& limits, int depth) {
  return depth > 0 && std::ranges::all_of(object.fields(), [&](const auto& field) {
           return is_word(field.first, limits.max_word) && is_good(field.second, limits, depth - 1);
         });
}

bool is_good(const v1::ProviderSchema& schema, const SchemaLimits& limits) {
  return is_word(schema.provider(), limits.max_word) && schema.ByteSizeLong() <= limits.max_bytes &&
         static_cast<size_t>(schema.outputs_size()) <= limits.max_outputs &&
         std::ranges::all_of(schema.outputs(),
                             [&](const auto& output) { return is_word(output, limits.max_word); }) &&
         is_good(schema.template_(), limits, limits.max_depth);
}

}  // namespace

size_t drop_bad(ProviderSchemas& schemas, const SchemaLimits& limits) {
  std::set<std::string> providers;
  size_t together = 0;
  ProviderSchemas good;
  for (auto& schema : schemas) {
    // They would be stored along with what is known.
    schema.DiscardUnknownFields();
    if (!is_good(schema, limits) || together + schema.ByteSizeLong() > limits.max_bytes_together ||
        !providers.insert(schema.provider()).second)
      continue;
    together += schema.ByteSizeLong();
    good.Add(std::move(schema));
  }
  const int dropped = schemas.size() - good.size();
  schemas = std::move(good);
  return static_cast<size_t>(dropped);
}

size_t hash_of(const ProviderSchemas& schemas) {
  std::string all;
  for (const auto& schema : schemas) {
    const std::string bytes = objects::serialize(schema);
    all += std::to_string(bytes.size()) + " " + bytes;
  }
  return std::hash<std::string>{}(all);
}

}  // namespace qleet::hub
