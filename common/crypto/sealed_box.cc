#include "common/crypto/sealed_box.h"

#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <memory>

namespace qleet::crypto {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kHeadSize = 1 + kBoxKeySize;
// The key of a box is used once.
constexpr unsigned char kNonce[12] = {};

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
using Kdf = std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)>;

unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Key private_half(std::string_view bytes) {
  return {EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, raw(bytes), bytes.size()), EVP_PKEY_free};
}

Key public_half(std::string_view bytes) {
  return {EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, raw(bytes), bytes.size()), EVP_PKEY_free};
}

std::string public_bytes(const Key& key) {
  std::string bytes(kBoxKeySize, '\0');
  std::size_t size = bytes.size();
  if (!key || EVP_PKEY_get_raw_public_key(key.get(), raw(bytes), &size) != 1) return {};
  return bytes;
}

// What both sides agree on; empty where they cannot (OpenSSL refuses an all-zero secret).
std::string agreed(const Key& own, const Key& other) {
  if (!own || !other) return {};
  const KeyContext context(EVP_PKEY_CTX_new(own.get(), nullptr), EVP_PKEY_CTX_free);
  std::string secret(kBoxKeySize, '\0');
  std::size_t size = secret.size();
  const bool good = context && EVP_PKEY_derive_init(context.get()) == 1 &&
                    EVP_PKEY_derive_set_peer(context.get(), other.get()) == 1 &&
                    EVP_PKEY_derive(context.get(), raw(secret), &size) == 1 && size == kBoxKeySize;
  return good ? secret : "";
}

// Both public keys go in: a box is for this pair alone.
std::string derived(std::string secret, const std::string& from, const std::string& to) {
  const Kdf kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr), EVP_KDF_free);
  const KdfContext context(EVP_KDF_CTX_new(kdf.get()), EVP_KDF_CTX_free);
  std::string salt = from + to;
  std::string info = "qleet-box-1";
  std::string digest = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest.data(), 0),
                               OSSL_PARAM_construct_octet_string("key", secret.data(), secret.size()),
                               OSSL_PARAM_construct_octet_string("salt", salt.data(), salt.size()),
                               OSSL_PARAM_construct_octet_string("info", info.data(), info.size()),
                               OSSL_PARAM_construct_end()};
  std::string key(32, '\0');
  if (!context || EVP_KDF_derive(context.get(), raw(key), key.size(), params) != 1) return {};
  return key;
}

}  // namespace

BoxKeyPair make_box_keys(Random& random) {
  BoxKeyPair pair;
  pair.private_key = random.bytes(kBoxKeySize);
  pair.public_key = public_bytes(private_half(pair.private_key));
  return pair;
}

Result<std::string> box_public_key(std::string_view private_key) {
  auto bytes = private_key.size() == kBoxKeySize ? public_bytes(private_half(private_key)) : std::string();
  if (bytes.empty()) return fail(Code::kInvalid, "not a key of boxes (32 bytes)");
  return bytes;
}

Result<std::string> seal_box(std::string_view plain, std::string_view public_key, std::string_view associated,
                             Random& random) {
  const BoxKeyPair own = make_box_keys(random);
  const auto secret = public_key.size() == kBoxKeySize
                          ? agreed(private_half(own.private_key), public_half(public_key))
                          : std::string();
  if (secret.empty()) return fail(Code::kInvalid, "not a public key of boxes");
  const auto key = derived(secret, own.public_key, std::string(public_key));
  const std::string head = std::string(1, kVersion) + own.public_key;
  std::string text(plain.size(), '\0');
  std::string tag(kTagSize, '\0');
  int size = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const bool good =
      !key.empty() && cipher &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, raw(key), kNonce) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, raw(head), static_cast<int>(head.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, raw(associated), static_cast<int>(associated.size())) ==
          1 &&
      EVP_EncryptUpdate(cipher.get(), raw(text), &size, raw(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), nullptr, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, tag.data()) == 1;
  if (!good) return fail(Code::kInternal, "cannot encrypt");
  return head + text + tag;
}

Result<std::string> open_box(std::string_view box, std::string_view private_key,
                             std::string_view associated) {
  if (box.size() < kHeadSize + kTagSize || box.front() != kVersion) return fail(Code::kInvalid, "not a box");
  const auto own_public = TRY(box_public_key(private_key));
  const auto head = box.substr(0, kHeadSize);
  const auto from = head.substr(1);
  const auto text = box.substr(kHeadSize, box.size() - kHeadSize - kTagSize);
  std::string tag(box.substr(box.size() - kTagSize));
  const auto secret = agreed(private_half(private_key), public_half(from));
  const auto key = secret.empty() ? secret : derived(secret, std::string(from), own_public);
  std::string plain(text.size(), '\0');
  int size = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const bool good =
      !key.empty() && cipher &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, raw(key), kNonce) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, raw(head), static_cast<int>(head.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, raw(associated), static_cast<int>(associated.size())) ==
          1 &&
      EVP_DecryptUpdate(cipher.get(), raw(plain), &size, raw(text), static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), nullptr, &size) == 1;
  if (!good) return fail(Code::kInvalid, "a box was changed, or is for another key or place");
  return plain;
}

}  // namespace qleet::crypto
