#include "hub/store/wire_fields.h"

#include <limits>

namespace qleet::hub {
namespace {

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out += static_cast<char>(value | 0x80U);
  out += static_cast<char>(value);
}

}  // namespace

bool WireFields::varint(std::uint64_t& out) {
  out = 0;
  for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    out |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool WireFields::take(std::uint64_t size) {
  if (size > rest_.size()) return false;
  bytes_ = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return true;
}

bool WireFields::next() {
  if (rest_.empty() || !ok_) return false;
  const std::string_view begin = rest_;
  ok_ = false;
  std::uint64_t tag = 0;
  if (!varint(tag) || tag >> 3U == 0 || tag > std::numeric_limits<std::uint32_t>::max()) return false;
  number_ = static_cast<int>(tag >> 3U);
  type_ = static_cast<int>(tag & 7U);
  std::uint64_t size = 0;
  switch (type_) {
    case 0:
      ok_ = varint(value_);
      break;
    case 1:
      ok_ = take(8);
      break;
    case 2:
      ok_ = varint(size) && take(size);
      break;
    case 5:
      ok_ = take(4);
      break;
    default:  // groups: proto3 has none
      break;
  }
  whole_ = begin.substr(0, begin.size() - rest_.size());
  return ok_;
}

Result<std::string> with_field(std::string_view object, int field, const std::string* content) {
  std::string out;
  out.reserve(object.size() + (content == nullptr ? 0 : content->size() + 8));
  bool placed = content == nullptr;
  const auto place = [&] {
    if (placed) return;
    placed = true;
    append_varint(out, static_cast<std::uint64_t>(field) << 3U | 2U);
    append_varint(out, content->size());
    out += *content;
  };
  WireFields fields(object);
  while (fields.next()) {
    // In the order of their numbers, as everything here is written.
    if (fields.number() >= field) place();
    if (fields.number() != field) out += fields.whole();
  }
  if (!fields.ok()) return fail(Code::kInternal, "store: an object cannot be read: restore a backup");
  place();
  return out;
}

}  // namespace qleet::hub
