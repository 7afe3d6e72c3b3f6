#include "common/sync/digest.h"

#include <openssl/sha.h>

#include <array>

namespace qleet::sync {
namespace {

std::uint64_t lane(const unsigned char* bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

void append(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift & 0xff));
}

}  // namespace

void Digest::add(const Digest& entry) {
  high_ += entry.high_;
  low_ += entry.low_;
}

void Digest::remove(const Digest& entry) {
  high_ -= entry.high_;
  low_ -= entry.low_;
}

std::string Digest::bytes() const {
  std::string out;
  out.reserve(16);
  append(out, high_);
  append(out, low_);
  return out;
}

Digest entry_digest(std::string_view name, std::string_view uid, std::uint32_t generation,
                    std::string_view hash) {
  // None of them holds a line feed, so no two entries have one text.
  std::string text;
  text.reserve(name.size() + uid.size() + hash.size() + 13);
  text.append(name)
      .append("\n")
      .append(uid)
      .append("\n")
      .append(std::to_string(generation))
      .append("\n")
      .append(hash);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), sum.data());
  Digest digest;
  digest.high_ = lane(sum.data());
  digest.low_ = lane(sum.data() + 8);
  return digest;
}

}  // namespace qleet::sync
