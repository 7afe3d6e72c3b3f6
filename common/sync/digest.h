// A digest over what an agent shall hold: equal on both sides exactly when names, uids, generations and
// hashes are. It is a sum of per-entry hashes, so one change costs two additions however much is held.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qleet::sync {

class Digest {
 public:
  void add(const Digest& entry);
  void remove(const Digest& entry);
  // 16 bytes, as on the wire.
  std::string bytes() const;

  bool operator==(const Digest&) const = default;

  friend Digest entry_digest(std::string_view name, std::string_view uid, std::uint32_t generation,
                             std::string_view hash);

 private:
  // The first 128 bits of SHA-256 as two lanes that are summed apart, modulo 2^64.
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

Digest entry_digest(std::string_view name, std::string_view uid, std::uint32_t generation,
                    std::string_view hash);

}  // namespace qleet::sync
