#include "hub/dispatch/resource_sketch.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include "qleet/v1/delivery.pb.h"

namespace qleet::hub {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using v1::ObjectMeta;
using v1::Resource;
using v1::ResourceSpec;

bool read_text(CodedInputStream& in, std::string& out) {
  std::uint32_t size = 0;
  return in.ReadVarint32(&size) && in.ReadString(&out, static_cast<int>(size));
}

// Calls `field` for each field; it returns whether it has read the value itself, or sets `ok` to false.
template <class Field>
bool for_each_field(CodedInputStream& in, Field field) {
  while (const std::uint32_t tag = in.ReadTag()) {
    bool ok = true;
    const bool taken = field(WireFormatLite::GetTagFieldNumber(tag), WireFormatLite::GetTagWireType(tag), ok);
    if (!ok || (!taken && !WireFormatLite::SkipField(&in, tag))) return false;
  }
  return in.ConsumedEntireMessage();
}

template <class Field>
bool read_message(CodedInputStream& in, Field field) {
  std::uint32_t size = 0;
  if (!in.ReadVarint32(&size)) return false;
  const auto limit = in.PushLimit(static_cast<int>(size));
  const bool ok = for_each_field(in, field);
  in.PopLimit(limit);
  return ok;
}

bool read_meta(CodedInputStream& in, ResourceSketch& out) {
  return read_message(in, [&](int number, int type, bool& ok) {
    if (number == ObjectMeta::kNameFieldNumber && type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      ok = read_text(in, out.name);
      return true;
    }
    if (number == ObjectMeta::kUidFieldNumber && type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      ok = read_text(in, out.uid);
      return true;
    }
    if (number == ObjectMeta::kGenerationFieldNumber && type == WireFormatLite::WIRETYPE_VARINT) {
      ok = in.ReadVarint32(&out.generation);
      return true;
    }
    return false;
  });
}

bool read_spec(CodedInputStream& in, ResourceSketch& out) {
  return read_message(in, [&](int number, int type, bool& ok) {
    if (type == WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
      if (number == ResourceSpec::kRegionFieldNumber) {
        ok = read_text(in, out.region);
        return true;
      }
      if (number == ResourceSpec::kHashFieldNumber) {
        ok = read_text(in, out.hash);
        return true;
      }
    }
    if (number == ResourceSpec::kDeletedFieldNumber && type == WireFormatLite::WIRETYPE_VARINT) {
      std::uint32_t value = 0;
      ok = in.ReadVarint32(&value);
      out.deleted = value != 0;
      return true;
    }
    return false;
  });
}

}  // namespace

Result<ResourceSketch> sketch(std::string_view serialized) {
  ResourceSketch out;
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(serialized.data()),
                      static_cast<int>(serialized.size()));
  const bool ok = for_each_field(in, [&](int number, int type, bool& fine) {
    if (type != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) return false;
    if (number == Resource::kMetadataFieldNumber) {
      fine = read_meta(in, out);
      return true;
    }
    if (number == Resource::kSpecFieldNumber) {
      fine = read_spec(in, out);
      return true;
    }
    return false;
  });
  if (!ok || out.name.empty()) return fail(Code::kInternal, "stored bytes are not a Resource");
  return out;
}

}  // namespace qleet::hub
