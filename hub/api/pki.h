// The hub's certificates: a CA of its own, made on first start, or files that the operator gives.
#pragma once

#include <filesystem>
#include <string>

#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/result/result.h"

namespace qleet::hub::api {

struct PkiOptions {
  std::filesystem::path directory;  // <state>/tls: ca.pem, ca.key, server.pem (with its key)
  crypto::ServerNames names;        // under which clients reach the hub; localhost and loopback are added
  // All three or none: then nothing is made, nor kept in `directory`.
  std::filesystem::path certificate_file;  // the server's, then its chain
  std::filesystem::path key_file;
  std::filesystem::path ca_file;  // what agents pin
};

struct Pki {
  crypto::CertifiedKey ca;  // without a key where files were given
  std::string ca_fingerprint;
  crypto::CertifiedKey server;  // the certificate is followed by its chain
};

// Makes what is missing. The server's certificate is made anew when it ends within 30 days, is not valid yet,
// is not of this CA, or lacks a name. Called again from time to time, it gives what is to be served then:
// renewed, or given files as they are now. kInvalid for files that cannot be used, naming them; kDenied for a
// key that others may read.
Result<Pki> open_pki(const PkiOptions& options, const Clock& clock);

}  // namespace qleet::hub::api
