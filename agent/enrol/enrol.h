// How an agent becomes one: with a one-time join token it gives the hub the public part of a key that it made
// itself, and is given its identity.
//
// <state>/identity/agent.seed      the agent's own key, made before the first try, so that a try whose answer
//                                  was lost can be repeated
// <state>/identity/tls.key         its key for TLS with the bus, made once as well
// <state>/identity/tls.crt         the certificate of that key, which the hub gives and renews
//                                  (certificate_keeper.h). Not in identity.json, which a version from before
//                                  there were any must still be able to read.
// <state>/identity/identity.json   what the hub told it (qleet.agent.v1.Identity)
// <state>/identity/box.key         the private half of the key that values of secrets are sealed to
// (base64url),
//                                  made where it is missing: the hub then seals all anew
// <state>/identity/owner           the mark on everything that this agent makes: its name, and what tells it
//                                  from an agent of another hub that is called the same. Made once; an agent
//                                  that lost its folder and enrols again with the same hub has the same mark,
//                                  and so finds what it made.
// All are readable by this user alone.
#pragma once

#include <filesystem>
#include <string>

#include "common/crypto/sealed_box.h"
#include "common/crypto/token.h"
#include "common/result/result.h"
#include "qleet/agent/v1/identity.pb.h"

namespace qleet::agent {

struct EnrolOptions {
  std::filesystem::path state;
  std::string hub_url;         // https://host:port
  std::string token;           // from `qleet agent join-token`
  std::string ca_fingerprint;  // of the hub's CA: 64 hex digits
  std::string name;            // an RFC 1123 label
};

// Errors: kExists when this folder already holds an identity; kInvalid, kUnauthenticated (the hub knows no
// such token, or it was used), kDenied (the hub is not the one that was pinned), kUnavailable.
Result<v1::Identity> enrol(const EnrolOptions& options, crypto::Random& random);

struct StoredIdentity {
  v1::Identity identity;  // with the certificate, where there is one and it is of the key
  std::string seed;
  std::string owner;
  std::string tls_key;
  crypto::BoxKeyPair box;
};

// kNotFound, with what to do, where the agent is not enrolled. Makes the keys for TLS and for
// secrets where they are missing.
Result<StoredIdentity> load_identity(const std::filesystem::path& state, crypto::Random& random);

// Keeps what the hub has given since.
Result<> store_certificate(const std::filesystem::path& state, const std::string& certificate_pem);
Result<> store_identity(const std::filesystem::path& state, v1::Identity identity);

}  // namespace qleet::agent
