// Trust by fingerprint: the CA that a peer presents is accepted if its SHA-256 is the expected one, and the
// peer's certificate must then verify against that CA alone.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <string_view>

namespace qleet::http {

// Lower case, no colons or spaces; empty if it is not 64 hex digits.
std::string normal_fingerprint(std::string_view fingerprint);

struct Pin {
  std::string sha256;  // normal form
  std::string ca_pem;  // set once a peer has been verified
  std::string why;     // set when it was refused
};

// `pin` must outlive every handshake made with the context.
void install(SSL_CTX* context, Pin* pin);

}  // namespace qleet::http
