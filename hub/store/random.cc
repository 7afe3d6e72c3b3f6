#include "hub/store/random.h"

#include <fmt/format.h>

#include <random>

namespace qleet::hub {

Random system_random() {
  return [] {
    thread_local std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
  };
}

std::string random_hex128(const Random& random) {
  std::uint64_t high = random();
  std::uint64_t low = random();
  return fmt::format("{:016x}{:016x}", high, low);
}

std::string random_uuid(const Random& random) {
  std::uint64_t high = (random() & ~0xf000ULL) | 0x4000ULL;
  std::uint64_t low = (random() & ~(3ULL << 62)) | (2ULL << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xffff,
                     low >> 48, low & 0xffffffffffffULL);
}

}  // namespace qleet::hub
