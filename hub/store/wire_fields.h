// The fields of a serialized message, one after the other, without building it: most of a stored object is
// content that few who look at it need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet::hub {

// Views into the bytes that it was made of.
class WireFields {
 public:
  explicit WireFields(std::string_view bytes) : rest_(bytes) {}

  // The next field; false at the end, or where the bytes are no message (ok() then says so).
  bool next();
  bool ok() const { return ok_; }

  int number() const { return number_; }
  bool is_number() const { return type_ == 0; }
  bool is_bytes() const { return type_ == 2; }
  std::uint64_t value() const { return value_; }     // where is_number()
  std::string_view bytes() const { return bytes_; }  // where is_bytes()
  // Tag and value as they stand.
  std::string_view whole() const { return whole_; }

 private:
  bool varint(std::uint64_t& out);
  bool take(std::uint64_t size);

  std::string_view rest_;
  std::string_view bytes_;
  std::string_view whole_;
  std::uint64_t value_ = 0;
  int number_ = 0;
  int type_ = 0;
  bool ok_ = true;
};

// `object` (a stored one) with another status: the rest stays as it is, byte by byte. Null: without one.
// kInternal where `object` is no message. `status`: serialized; `field`: its number.
Result<std::string> with_field(std::string_view object, int field, const std::string* content);

}  // namespace qleet::hub
