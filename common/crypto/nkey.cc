#include "common/crypto/nkey.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "common/crypto/encoding.h"

namespace qleet::crypto {
namespace {

constexpr unsigned kSeedPrefix = 18U << 3U;
constexpr std::size_t kKeySize = 32;

using Pkey = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned prefix_of(KeyKind kind) {
  switch (kind) {
    case KeyKind::kOperator:
      return 14U << 3U;
    case KeyKind::kAccount:
      return 0;
    case KeyKind::kUser:
      break;
  }
  return 20U << 3U;
}

std::optional<KeyKind> kind_of(unsigned prefix) {
  for (const KeyKind kind : {KeyKind::kOperator, KeyKind::kAccount, KeyKind::kUser}) {
    if (prefix_of(kind) == prefix) return kind;
  }
  return std::nullopt;
}

// CRC-16/XMODEM, appended little-endian.
std::string with_checksum(std::string data) {
  std::uint16_t crc = 0;
  for (const unsigned char c : data) {
    crc = static_cast<std::uint16_t>(crc ^ (c << 8U));
    for (int i = 0; i < 8; ++i) {
      crc = static_cast<std::uint16_t>((crc & 0x8000U) != 0 ? (crc << 1U) ^ 0x1021U : crc << 1U);
    }
  }
  data += static_cast<char>(crc & 0xffU);
  data += static_cast<char>(crc >> 8U);
  return data;
}

std::optional<std::string> decode(std::string_view text) {
  auto data = unbase32(text);
  if (!data || data->size() < 3) return std::nullopt;
  std::string body = data->substr(0, data->size() - 2);
  if (with_checksum(body) != *data) return std::nullopt;
  return body;
}

// Of well-sized input OpenSSL refuses nothing here: only memory can be missing.
[[noreturn]] void broken() {
  std::fputs("cannot use Ed25519\n", stderr);
  std::abort();
}

Pkey private_key(const std::string& secret) {
  Pkey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw(secret), secret.size()),
           EVP_PKEY_free);
  if (!key) broken();
  return key;
}

}  // namespace

NKey::NKey(KeyKind kind, std::string secret) : kind_(kind), secret_(std::move(secret)) {
  std::array<unsigned char, kKeySize> bytes{};
  std::size_t size = bytes.size();
  if (EVP_PKEY_get_raw_public_key(private_key(secret_).get(), bytes.data(), &size) != 1) broken();
  std::string body(1, static_cast<char>(prefix_of(kind)));
  body.append(reinterpret_cast<const char*>(bytes.data()), size);
  public_key_ = base32(with_checksum(body));
}

NKey NKey::generate(KeyKind kind, Random& random) { return {kind, random.bytes(kKeySize)}; }

Result<NKey> NKey::from_seed(std::string_view seed) {
  const auto body = decode(seed);
  if (!body || body->size() != kKeySize + 2) return fail(Code::kInvalid, "not an nkey seed");
  const auto first = static_cast<unsigned char>((*body)[0]);
  const auto second = static_cast<unsigned char>((*body)[1]);
  const auto kind = kind_of(((first & 7U) << 5U) | (second >> 3U));
  if ((first & 0xf8U) != kSeedPrefix || !kind) {
    return fail(Code::kInvalid, "not the nkey seed of an operator, account or user");
  }
  return NKey(*kind, body->substr(2));
}

std::string NKey::seed() const {
  const unsigned prefix = prefix_of(kind_);
  std::string body;
  body += static_cast<char>(kSeedPrefix | (prefix >> 5U));
  body += static_cast<char>((prefix & 31U) << 3U);
  return base32(with_checksum(body + secret_));
}

std::string NKey::sign(std::string_view data) const {
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const Pkey key = private_key(secret_);
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, raw(data),
                     data.size()) != 1) {
    broken();
  }
  return signature;
}

Result<KeyKind> parse_public_key(std::string_view public_key) {
  const auto body = decode(public_key);
  if (!body || body->size() != kKeySize + 1) return fail(Code::kInvalid, "not a public nkey");
  const auto kind = kind_of(static_cast<unsigned char>((*body)[0]));
  if (!kind) return fail(Code::kInvalid, "not the public nkey of an operator, account or user");
  return *kind;
}

bool verify_signature(std::string_view public_key, std::string_view data, std::string_view signature) {
  if (!parse_public_key(public_key)) return false;
  const std::string body = *decode(public_key);
  const Pkey key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw(body) + 1, kKeySize),
                 EVP_PKEY_free);
  const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(data), data.size()) == 1;
}

}  // namespace qleet::crypto
