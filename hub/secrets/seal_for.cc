#include "hub/secrets/seal_for.h"

#include "common/crypto/encoding.h"
#include "common/crypto/sealed_box.h"
#include "common/sync/values.h"
#include "hub/secrets/seal.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::hub::secrets {

Result<std::string> seal_for(const v1::Secret& secret, const crypto::Sealer& sealer,
                             const std::string& resource, const std::string& box_key,
                             crypto::Random& random) {
  const auto key = crypto::unbase64url(box_key);
  if (!key) return fail(Code::kInvalid, "the agent's key for secrets is not base64url");
  wire::v1::SecretValues values;
  for (const auto& [name, sealed] : secret.spec().data())
    (*values.mutable_data())[name] = TRY(open(secret, name, sealer));
  return crypto::seal_box(values.SerializeAsString(), *key,
                          sync::box_place(resource, secret.metadata().generation()), random);
}

}  // namespace qleet::hub::secrets
