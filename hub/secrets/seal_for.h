// Values of a Secret for one agent alone (common/crypto/sealed_box.h): what leaves the hub of them.
#pragma once

#include <string>

#include "common/crypto/sealed.h"
#include "common/crypto/token.h"
#include "common/result/result.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::secrets {

// All values of the Secret as it stands, in a box that only the holder of `box_key` (base64url, X25519)
// opens, and only as those of this resource and version. kInvalid: no key, or values that the keys at hand do
// not open.
Result<std::string> seal_for(const v1::Secret& secret, const crypto::Sealer& sealer,
                             const std::string& resource, const std::string& box_key, crypto::Random& random);

}  // namespace qleet::hub::secrets
