// What a hub does about Secrets before it serves: the key, and bringing everything that the store holds under
// it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/crypto/sealed.h"
#include "common/result/result.h"
#include "hub/store/store.h"

namespace qleet::hub::secrets {

// In the hub's folder.
inline constexpr const char* kKeyFile = "secrets.key";

// Where the keys come from: a file (as common/crypto/sealed.h says), or a command that prints what would
// stand in it.
struct KeySource {
  std::filesystem::path file;
  std::string command;  // of the shell; empty: the file
};

// A missing file is made, with a fresh key, unless the store holds values that were sealed with a lost one
// (kConflict, saying what to do).
Result<crypto::Sealer> open_keys(const KeySource& source, const Store& store, crypto::Random& random);

struct Brought {
  unsigned sealed = 0;              // values that were clear text
  unsigned renewed = 0;             // values that were under an older key
  std::vector<std::string> closed;  // Secrets with values that no key at hand opens
  bool remains = false;             // clear text of before may remain in the change log and the store's file
};

// One transaction. `remains` is true from the first time that a store made before Secrets were sealed is
// looked at until forget_remains().
Result<Brought> bring_under_keys(Store& store, const crypto::Sealer& sealer);
// Whether the change log tells of a Secret in any revision after this one.
Result<bool> log_tells_of_secrets(const Store& store, Revision after);
// Nothing is left of it.
Result<> forget_remains(Store& store);

// Puts a fresh key in front of the file's; makes the file where there is none. It belongs to its folder's
// owner. Takes effect when the hub starts next.
Result<> rotate(const std::filesystem::path& file, crypto::Random& random);

}  // namespace qleet::hub::secrets
