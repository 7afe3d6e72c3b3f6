#include "common/crypto/sealed.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "common/crypto/encoding.h"
#include "common/crypto/private_file.h"

namespace qleet::crypto {
namespace {

constexpr char kVersion = 1;
constexpr std::size_t kIdSize = 8;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kHeadSize = 1 + kIdSize + kNonceSize;
constexpr std::string_view kLinePrefix = "qleet-key-1 ";

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool one_bit_apart(std::string_view a, std::string_view b) {
  int bits = 0;
  for (std::size_t i = 0; i < kIdSize; ++i) bits += std::popcount(static_cast<unsigned char>(a[i] ^ b[i]));
  return bits == 1;
}

std::string new_line(Random& random) { return std::string(kLinePrefix) + base64url(random.bytes(32)) + "\n"; }

}  // namespace

Result<std::vector<Sealer::Key>> Sealer::parse(std::string_view origin, std::string_view content) {
  std::vector<Key> keys;
  while (!content.empty()) {
    const auto end = content.find('\n');
    const auto line = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (line.empty()) continue;
    auto secret = line.starts_with(kLinePrefix) ? unbase64url(line.substr(kLinePrefix.size())) : std::nullopt;
    if (!secret || secret->size() != 32) {
      return fail(Code::kInvalid, fmt::format("{}: line {} is not a key (\"qleet-key-1 <43 characters>\")",
                                              origin, keys.size() + 1));
    }
    keys.push_back({sha256("qleet-key-id" + *secret).substr(0, kIdSize), *secret});
  }
  if (keys.empty()) {
    return fail(Code::kInvalid, fmt::format("{}: holds no key; restore it from a backup", origin));
  }
  return keys;
}

Result<Sealer> Sealer::open_or_create(const std::filesystem::path& key_file, Random& random) {
  auto content = read_private_file(key_file);
  if (!content && content.error().code == Code::kNotFound) {
    if (auto made = create_private_file(key_file, new_line(random));
        !made && made.error().code != Code::kExists) {
      return std::unexpected(made.error());
    }
    content = read_private_file(key_file);
  }
  return of_keys(key_file.string(), TRY(std::move(content)), random);
}

Result<Sealer> Sealer::of_keys(std::string_view origin, std::string_view content, Random& random) {
  return Sealer(TRY(parse(origin, content)), random);
}

Result<> Sealer::rotate(const std::filesystem::path& key_file, Random& random) {
  const std::string content = TRY(read_private_file(key_file));
  TRY(parse(key_file.string(), content));
  return write_private_file(key_file, new_line(random) + content);
}

std::string Sealer::seal(std::string_view plain, std::string_view associated) const {
  const Key& key = keys_.front();
  const std::string nonce = random_->bytes(kNonceSize);
  std::string box = std::string(1, kVersion) + key.id + nonce;
  std::string text(plain.size(), '\0');
  std::string tag(kTagSize, '\0');
  int size = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const bool good =
      cipher &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, raw(key.secret), raw(nonce)) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, raw(box), static_cast<int>(box.size())) == 1 &&
      EVP_EncryptUpdate(cipher.get(), nullptr, &size, raw(associated), static_cast<int>(associated.size())) ==
          1 &&
      EVP_EncryptUpdate(cipher.get(), raw(text), &size, raw(plain), static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), nullptr, &size) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, tag.data()) == 1;
  if (!good) {
    // Only memory can be the reason; going on would store a secret in the open or lose it.
    std::fputs("cannot encrypt\n", stderr);
    std::abort();
  }
  return box + text + tag;
}

Result<std::string> Sealer::open(std::string_view box, std::string_view associated) const {
  if (!is_box(box)) return fail(Code::kInvalid, "not a sealed value");
  const auto head = box.substr(0, kHeadSize);
  const auto id = head.substr(1, kIdSize);
  const auto nonce = head.substr(1 + kIdSize);
  const auto text = box.substr(kHeadSize, box.size() - kHeadSize - kTagSize);
  std::string tag(box.substr(box.size() - kTagSize));
  const Key* key = nullptr;
  for (const Key& candidate : keys_) {
    if (candidate.id == id) key = &candidate;
  }
  // A key that is gone has another id altogether; this is one of ours, with a bit that has turned over.
  if (key == nullptr &&
      std::ranges::any_of(keys_, [&](const Key& known) { return one_bit_apart(known.id, id); }))
    return fail(Code::kInvalid, "a sealed value was changed, or belongs elsewhere");
  if (key == nullptr) {
    return fail(Code::kNotFound,
                fmt::format("sealed with key {}, which the key file does not hold; restore it", hex(id)));
  }
  std::string plain(text.size(), '\0');
  int size = 0;
  const Cipher cipher(EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free);
  const bool good =
      cipher &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, raw(key->secret), raw(nonce)) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, raw(head), static_cast<int>(head.size())) == 1 &&
      EVP_DecryptUpdate(cipher.get(), nullptr, &size, raw(associated), static_cast<int>(associated.size())) ==
          1 &&
      EVP_DecryptUpdate(cipher.get(), raw(plain), &size, raw(text), static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), nullptr, &size) == 1;
  if (!good) return fail(Code::kInvalid, "a sealed value was changed, or belongs elsewhere");
  return plain;
}

bool Sealer::is_box(std::string_view bytes) {
  return bytes.size() >= kHeadSize + kTagSize && bytes.front() == kVersion;
}

bool Sealer::outdated(std::string_view box) const {
  return box.size() > kHeadSize && box.substr(1, kIdSize) != keys_.front().id;
}

}  // namespace qleet::crypto
