#include "hub/store/resource_sketch.h"

#include <algorithm>

#include "google/protobuf/struct.pb.h"
#include "hub/store/wire_fields.h"

namespace qleet::hub {
namespace {

using v1::ObjectMeta;
using v1::Resource;
using v1::ResourceSpec;

bool read_meta(std::string_view bytes, ResourceSketch& out) {
  WireFields fields(bytes);
  while (fields.next()) {
    if (fields.is_bytes() && fields.number() == ObjectMeta::kNameFieldNumber) out.name = fields.bytes();
    if (fields.is_bytes() && fields.number() == ObjectMeta::kUidFieldNumber) out.uid = fields.bytes();
    if (fields.is_number() && fields.number() == ObjectMeta::kGenerationFieldNumber)
      out.generation = static_cast<std::uint32_t>(fields.value());
  }
  return fields.ok();
}

bool read_spec(std::string_view bytes, ResourceSketch& out) {
  WireFields fields(bytes);
  while (fields.next()) {
    if (fields.is_bytes()) {
      switch (fields.number()) {
        case ResourceSpec::kRegionFieldNumber:
          out.region = fields.bytes();
          break;
        case ResourceSpec::kTypeFieldNumber:
          out.type = fields.bytes();
          break;
        case ResourceSpec::kIdFieldNumber:
          out.id = fields.bytes();
          break;
        case ResourceSpec::kProfileFieldNumber:
          out.profile = fields.bytes();
          break;
        case ResourceSpec::kHashFieldNumber:
          out.hash = fields.bytes();
          break;
        case ResourceSpec::kParamsFieldNumber:
          out.params = fields.bytes();
          break;
        case ResourceSpec::kResolveImagesFieldNumber:
          out.resolves_images = !fields.bytes().empty();
          break;
        default:
          break;
      }
    } else if (fields.is_number()) {
      if (fields.number() == ResourceSpec::kDeletedFieldNumber) out.deleted = fields.value() != 0;
      if (fields.number() == ResourceSpec::kDataMayGoFieldNumber) out.data_may_go = fields.value() != 0;
      if (fields.number() == ResourceSpec::kProfileGenerationFieldNumber)
        out.profile_generation = static_cast<std::uint32_t>(fields.value());
    }
  }
  return fields.ok();
}

}  // namespace

Result<v1::ResourceStatus> ResourceSketch::read_status() const {
  v1::ResourceStatus out;
  if (!out.ParseFromArray(status.data(), static_cast<int>(status.size())))
    return fail(Code::kInternal, "stored bytes are not a Resource");
  return out;
}

std::optional<std::uint32_t> ResourceSketch::replicas() const {
  constexpr int kEntries = 1;  // google.protobuf.Struct.fields
  WireFields entries(params);
  while (entries.next()) {
    if (!entries.is_bytes() || entries.number() != kEntries) continue;
    std::string_view name;
    std::string_view value;
    WireFields entry(entries.bytes());
    while (entry.next()) {
      if (entry.is_bytes()) (entry.number() == 1 ? name : value) = entry.bytes();
    }
    if (name != "replicas") continue;
    google::protobuf::Value number;
    if (!number.ParseFromArray(value.data(), static_cast<int>(value.size())) || !number.has_number_value())
      return std::nullopt;
    return static_cast<std::uint32_t>(std::clamp(number.number_value(), 0.0, 1e6));
  }
  return std::nullopt;
}

Result<ResourceSketch> sketch(std::string_view serialized) {
  ResourceSketch out;
  WireFields fields(serialized);
  bool ok = true;
  while (ok && fields.next()) {
    if (!fields.is_bytes()) continue;
    if (fields.number() == Resource::kMetadataFieldNumber) ok = read_meta(fields.bytes(), out);
    if (fields.number() == Resource::kSpecFieldNumber) ok = read_spec(fields.bytes(), out);
    if (fields.number() == Resource::kStatusFieldNumber) out.status = fields.bytes();
  }
  if (!ok || !fields.ok() || out.name.empty())
    return fail(Code::kInternal, "stored bytes are not a Resource");
  return out;
}

}  // namespace qleet::hub
