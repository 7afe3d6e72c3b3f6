// Randomness as a seam, and what is made of it: tokens, passwords, ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace qleet::crypto {

// Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual std::string bytes(std::size_t count) = 0;

  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
};

// The operating system's. Ends the process if it has none to give: nothing safe could follow.
class SystemRandom final : public Random {
 public:
  std::string bytes(std::size_t count) override;
};

// The same bytes for the same seed: for tests and simulations only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed);
  ~SeededRandom() override;
  std::string bytes(std::size_t count) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

inline constexpr std::string_view kServiceAccountPrefix = "qlt_";
inline constexpr std::string_view kJoinPrefix = "qlj_";

// Prefix and 256 bits, URL-safe. Store only its sha256_hex.
std::string random_token(Random& random, std::string_view prefix);
// Letters and digits; 24 of them are 142 bits.
std::string random_password(Random& random, std::size_t length = 24);
// RFC 9562 version 4.
std::string random_uuid(Random& random);

// 32 bytes, and the same as 64 hex digits.
std::string sha256(std::string_view data);
std::string sha256_hex(std::string_view data);

// In time that depends on the lengths alone.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace qleet::crypto
