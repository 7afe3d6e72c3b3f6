#include "hub/store/random.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace qleet::hub {

namespace {

// Asked for together: each call of the system costs more than a number.
class Stock {
 public:
  std::uint64_t next() {
    if (left_ == 0) refill();
    return numbers_[--left_];
  }

 private:
  void refill() {
    constexpr size_t kAtOnce = 256;  // what getentropy gives
    static_assert(sizeof(numbers_) == kAtOnce);
    if (::getentropy(numbers_.data(), sizeof(numbers_)) != 0)
      throw std::system_error(errno, std::generic_category(), "getentropy");
    left_ = numbers_.size();
  }

  std::array<std::uint64_t, 32> numbers_{};
  size_t left_ = 0;
};

}  // namespace

Random system_random() {
  return [] {
    thread_local Stock stock;
    return stock.next();
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
