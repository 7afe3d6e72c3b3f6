// Values of Secrets as the store holds them: each in a box of its own (common/crypto/sealed.h), bound to the
// Secret's name and uid and to its key there, so that a box that is copied to another place does not open.
#pragma once

#include <string>
#include <string_view>

#include "common/crypto/sealed.h"
#include "common/result/result.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::secrets {

// A value that says of itself that it is a box; whether it opens is another question.
bool is_sealed(std::string_view value);

struct Outcome {
  unsigned sealed = 0;   // were clear text
  unsigned renewed = 0;  // were under an older key, and are under the newest
  unsigned closed = 0;   // cannot be opened with the keys at hand; left as they are

  bool changed() const { return sealed + renewed > 0; }
};

// Seals what is clear text, and with `renew` also what an older key sealed. `secret` has its name and uid.
Outcome seal(v1::Secret& secret, const crypto::Sealer& sealer, bool renew);

// The clear text of one value. kNotFound: there is none of that key, or the key file lacks its key; kInvalid:
// it was changed, or belongs elsewhere.
Result<std::string> open(const v1::Secret& secret, const std::string& key, const crypto::Sealer& sealer);

}  // namespace qleet::hub::secrets
