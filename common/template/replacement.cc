#include "common/template/replacement.h"

#include <charconv>
#include <map>
#include <optional>

#include "common/template/fields.h"

namespace qleet::templates {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

const Value* find(const Struct& object, const std::string& name) {
  const auto field = object.fields().find(name);
  return field == object.fields().end() ? nullptr : &field->second;
}

std::string text(const Struct& object, const std::string& name) {
  const Value* value = find(object, name);
  return value ? as_text(*value).value_or("") : "";
}

// "${resources.data.name}" -> "data"; what is no such placeholder stays as it is.
std::string alias_of(const std::string& source) {
  for (const std::string_view of : {"${resources.", "${requires."}) {
    if (!source.starts_with(of)) continue;
    const auto rest = source.substr(of.size());
    return rest.substr(0, rest.find_first_of(".}"));
  }
  return source;
}

std::optional<std::string> written_by(const Struct& mount, const std::string& source) {
  const std::string read_only = text(mount, "readOnly");
  if (read_only == "true") return std::nullopt;
  return alias_of(text(mount, source));
}

// The first volume that a container writes to.
std::optional<std::string> written_volume(const Struct& container) {
  const Value* volumes = find(container, "volumes");
  if (!volumes) return std::nullopt;
  if (volumes->has_list_value()) {
    for (const auto& mount : volumes->list_value().values())
      if (auto volume = written_by(mount.struct_value(), "source")) return volume;
    return std::nullopt;
  }
  const std::map<std::string, Value> by_target(volumes->struct_value().fields().begin(),
                                               volumes->struct_value().fields().end());
  for (const auto& [target, mount] : by_target) {
    if (!mount.has_struct_value()) return alias_of(as_text(mount).value_or(""));
    const bool named = find(mount.struct_value(), "name") != nullptr;
    if (auto volume = written_by(mount.struct_value(), named ? "name" : "source")) return volume;
  }
  return std::nullopt;
}

unsigned replicas_of(const Struct& object) {
  const std::string replicas = text(object, "replicas");
  unsigned count = 1;
  std::from_chars(replicas.data(), replicas.data() + replicas.size(), count);
  return count;
}

Replacement of_workload(const Struct& object) {
  const std::string update = text(object, "update");
  if (update == "rolling") return {};
  Replacement out{.stops_first = update == "stopFirst", .volume = {}};
  if (!out.stops_first && replicas_of(object) > 1) return {};
  const Value* score = find(object, "score");
  const Value* found = score ? find(score->struct_value(), "containers") : nullptr;
  if (!found) return out;
  const std::map<std::string, Value> containers(found->struct_value().fields().begin(),
                                                found->struct_value().fields().end());
  for (const auto& [name, container] : containers)
    if (auto volume = written_volume(container.struct_value())) return {true, std::move(*volume)};
  return out;
}

}  // namespace

Replacement replacement_of(const Struct& object) {
  std::string kind = text(object, "kind");
  if (kind.empty() && find(object, "score")) kind = "workload";
  if (kind.empty() && find(object, "image") && !find(object, "container")) kind = "container";
  if (kind == "workload") return of_workload(object);
  if (kind == "container") return {true, written_volume(object).value_or("")};
  return {};
}

}  // namespace qleet::templates
