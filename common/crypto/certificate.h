// X.509: a CA of our own (ECDSA P-256), certificates of servers and of clients under it, and what is in a
// certificate.
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

// A self-signed CA that signs servers and clients (no further CA).
Result<CertifiedKey> make_ca(const std::string& name, Millis lifetime, WallTime now);

// kInvalid: no name at all, a malformed one, or a CA that does not fit its key. The validity starts an hour
// ago (clocks differ) and never outlasts the CA's. To present to peers: the certificate followed by the CA's.
Result<CertifiedKey> make_server_certificate(const CertifiedKey& ca, const ServerNames& names,
                                             Millis lifetime, WallTime now);

// A client's key of its own (P-256), PEM (PKCS #8): a secret.
Result<std::string> make_client_key();
// PEM; asks for a certificate of that key. What it says of `name` is for people: who signs it decides.
Result<std::string> make_certificate_request(std::string_view private_key_pem, const std::string& name);
// kInvalid where make_client_certificate would refuse it.
Result<> check_certificate_request(std::string_view request_pem);
// For the key of the request, and for clients alone: it is no certificate of a server. Whatever else the
// request says is not looked at. kInvalid: not a request, not signed by its key, a key of another kind than
// P-256 and Ed25519, or a CA that does not fit its key. Validity as that of a server's.
Result<std::string> make_client_certificate(const CertifiedKey& ca, std::string_view request_pem,
                                            const std::string& name, Millis lifetime, WallTime now);
bool belong_together(std::string_view certificate_pem, std::string_view private_key_pem);

struct CertificateInfo {
  std::string common_name;
  std::string fingerprint;  // SHA-256 of the DER form, 64 lower-case hex digits
  WallTime not_before;
  WallTime not_after;
  bool is_ca = false;
  bool for_servers = false;
  bool for_clients = false;
  ServerNames names;
};

// Of the first certificate in the text.
Result<CertificateInfo> inspect_certificate(std::string_view pem);

bool good_at(const CertificateInfo& info, WallTime now);
// True in the last third of its time, unless it ends with its issuer, when another one would end no later;
// and where it is not good yet, as one that a clock made which was ahead.
bool renewal_due(const CertificateInfo& info, WallTime now, WallTime issuer_ends = WallTime::max());

// True if `certificate` (first in its text) is signed by `ca`.
bool signed_by(std::string_view certificate_pem, std::string_view ca_pem);

}  // namespace qleet::crypto
