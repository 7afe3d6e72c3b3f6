#include "common/crypto/token.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <cstdio>
#include <cstdlib>
#include <random>

#include "common/crypto/encoding.h"
#include "common/thread/mutex.h"

namespace qleet::crypto {

std::uint64_t Random::below(std::uint64_t bound) {
  // Values past the last whole multiple of `bound` would favour the small ones.
  const std::uint64_t limit = UINT64_MAX - (UINT64_MAX % bound + 1) % bound;
  while (true) {
    std::uint64_t value = 0;
    for (const unsigned char c : bytes(8)) value = (value << 8U) | c;
    if (value <= limit) return value % bound;
  }
}

std::string SystemRandom::bytes(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_priv_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(count)) != 1) {
    std::fputs("no randomness from the operating system\n", stderr);
    std::abort();
  }
  return out;
}

struct SeededRandom::Impl {
  Mutex mutex;
  std::mt19937_64 engine GUARDED_BY(mutex);
};

SeededRandom::SeededRandom(std::uint64_t seed) : impl_(std::make_unique<Impl>()) { impl_->engine.seed(seed); }
SeededRandom::~SeededRandom() = default;

std::string SeededRandom::bytes(std::size_t count) {
  const MutexLock lock(impl_->mutex);
  std::string out;
  while (out.size() < count) {
    std::uint64_t value = impl_->engine();
    for (int i = 0; i < 8 && out.size() < count; ++i, value >>= 8U) out += static_cast<char>(value & 0xffU);
  }
  return out;
}

std::string random_token(Random& random, std::string_view prefix) {
  return std::string(prefix) + base64url(random.bytes(32));
}

std::string random_password(Random& random, std::size_t length) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string out;
  while (out.size() < length) out += kAlphabet[random.below(kAlphabet.size())];
  return out;
}

std::string random_uuid(Random& random) {
  std::string raw = random.bytes(16);
  raw[6] = static_cast<char>((static_cast<unsigned char>(raw[6]) & 0x0fU) | 0x40U);
  raw[8] = static_cast<char>((static_cast<unsigned char>(raw[8]) & 0x3fU) | 0x80U);
  std::string out = hex(raw);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) out.insert(at, 1, '-');
  return out;
}

std::string sha256(std::string_view data) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(data.data()), data.size(),
         reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

std::string sha256_hex(std::string_view data) { return hex(sha256(data)); }

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace qleet::crypto
