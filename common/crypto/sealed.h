// Values kept encrypted at rest: AES-256-GCM under keys from a file.
//
// Box: version (1 byte, 1) | key id (8) | nonce (12) | ciphertext | tag (16).
// Key file: one line per key, "qleet-key-1 <base64url of 32 bytes>", newest first; mode 0600.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/token.h"
#include "common/result/result.h"

namespace qleet::crypto {

// Thread-safe once made.
class Sealer {
 public:
  // Reads the key file; makes it, with one fresh key, if there is none. `random` must outlive the sealer.
  static Result<Sealer> open_or_create(const std::filesystem::path& key_file, Random& random);

  // Of the content of a key file that comes from elsewhere; `origin` names it in errors.
  static Result<Sealer> of_keys(std::string_view origin, std::string_view content, Random& random);

  // Puts a fresh key in front: what is sealed from then on (by sealers opened afterwards) uses it, older
  // boxes still open.
  static Result<> rotate(const std::filesystem::path& key_file, Random& random);

  // `associated` is not stored but must be given again to open: say where the value belongs (a resource's
  // name), so that a box moved elsewhere does not open.
  std::string seal(std::string_view plain, std::string_view associated) const;

  // kInvalid: not a box, changed, or not of this place. kNotFound: sealed with a key that the file lacks.
  Result<std::string> open(std::string_view box, std::string_view associated) const;

  // True if the box was sealed with an older key: seal it again.
  bool outdated(std::string_view box) const;

  // Whether it has the form of one.
  static bool is_box(std::string_view bytes);

 private:
  struct Key {
    std::string id;
    std::string secret;
  };
  Sealer(std::vector<Key> keys, Random& random) : keys_(std::move(keys)), random_(&random) {}
  static Result<std::vector<Key>> parse(std::string_view origin, std::string_view content);

  std::vector<Key> keys_;
  Random* random_;
};

}  // namespace qleet::crypto
