// Tokens, keys, sealed values and certificates as they come from peers and files.
#include "common/crypto/certificate.h"
#include "common/crypto/encoding.h"
#include "common/crypto/jwt.h"
#include "common/crypto/nkey.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

namespace {

// A token of a key of ours whose claims are the input: past the signature, into the claims.
void decode_signed(std::string_view claims) {
  static crypto::SeededRandom random(1);
  static const crypto::NKey key = crypto::NKey::generate(crypto::KeyKind::kAccount, random);
  const std::string body =
      crypto::base64url(R"({"typ":"JWT","alg":"ed25519-nkey"})") + "." + crypto::base64url(claims);
  const auto token = body + "." + crypto::base64url(key.sign(body));
  if (const auto read = crypto::decode(token))
    fuzz::must(read->issuer == key.public_key(), "only who signed is the issuer");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  if (const auto claims = crypto::decode(text)) fuzz::must(!claims->issuer.empty(), "a token has an issuer");
  decode_signed(text);
  if (const auto key = crypto::NKey::from_seed(text)) fuzz::must(key->seed() == text, "one seed, one text");
  if (crypto::parse_public_key(text)) crypto::verify_signature(text, "data", std::string(64, 's'));
  if (const auto bytes = crypto::unhex(text))
    fuzz::must(bytes->size() * 2 == text.size(), "two digits a byte");
  if (const auto bytes = crypto::unbase64url(text))
    fuzz::must(crypto::base64url(*bytes) == text, "base64url has one form");
  if (const auto bytes = crypto::unbase32(text))
    fuzz::must(crypto::base32(*bytes) == text, "base32 has one form");
  fuzz::must(crypto::unbase64url(crypto::base64url(text)) == std::string(text), "base64url both ways");
  fuzz::must(crypto::unbase32(crypto::base32(text)) == std::string(text), "base32 both ways");
  (void)crypto::inspect_certificate(text);
  return 0;
}
