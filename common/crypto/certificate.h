// X.509: a CA of our own (ECDSA P-256), server certificates under it, and what is in a certificate.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"

namespace qleet::crypto {

// PEM. The key is a secret (PKCS #8).
struct CertifiedKey {
  std::string certificate_pem;
  std::string private_key_pem;
};

struct ServerNames {
  std::vector<std::string> dns;
  std::vector<std::string> ips;  // IPv4 or IPv6, without brackets
};

// A self-signed CA that may sign servers only (no further CA).
Result<CertifiedKey> make_ca(const std::string& name, Millis lifetime, WallTime now);

// kInvalid: no name at all, a malformed one, or a CA that does not fit its key. The validity starts an hour
// ago (clocks differ) and never outlasts the CA's. To present to peers: the certificate followed by the CA's.
Result<CertifiedKey> make_server_certificate(const CertifiedKey& ca, const ServerNames& names,
                                             Millis lifetime, WallTime now);

struct CertificateInfo {
  std::string common_name;
  std::string fingerprint;  // SHA-256 of the DER form, 64 lower-case hex digits
  WallTime not_before;
  WallTime not_after;
  bool is_ca = false;
  ServerNames names;
};

// Of the first certificate in the text.
Result<CertificateInfo> inspect_certificate(std::string_view pem);

// True if `certificate` (first in its text) is signed by `ca`.
bool signed_by(std::string_view certificate_pem, std::string_view ca_pem);

}  // namespace qleet::crypto
