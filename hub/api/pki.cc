#include "hub/api/pki.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "common/crypto/private_file.h"
#include "common/log/log.h"

namespace qleet::hub::api {
namespace {

constexpr log::Logger kLog{"pki"};
constexpr Millis kDay = std::chrono::days(1);
constexpr Millis kCaLifetime = 3650 * kDay;
constexpr Millis kServerLifetime = 397 * kDay;  // the longest that clients of today accept
constexpr Millis kRenewBefore = 30 * kDay;

Result<std::string> read_public(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::kInvalid, fmt::format("{}: cannot be read", path.string()));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

bool covers(const std::vector<std::string>& has, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted,
                             [&](const auto& name) { return std::ranges::find(has, name) != has.end(); });
}

void add(std::vector<std::string>& names, std::string_view name) {
  if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
}

crypto::ServerNames with_loopback(crypto::ServerNames names) {
  add(names.dns, "localhost");
  add(names.ips, "127.0.0.1");
  add(names.ips, "::1");
  return names;
}

Result<Pki> given(const PkiOptions& options, const Clock& clock) {
  if (options.certificate_file.empty() || options.key_file.empty() || options.ca_file.empty())
    return fail(Code::kInvalid,
                "TLS: give the certificate, its key and the CA's certificate, or none of them");
  Pki pki;
  pki.server.certificate_pem = TRY(read_public(options.certificate_file));
  pki.server.private_key_pem = TRY(crypto::read_private_file(options.key_file));
  pki.ca.certificate_pem = TRY(read_public(options.ca_file));
  const auto server = crypto::inspect_certificate(pki.server.certificate_pem);
  if (!server) return std::unexpected(wrap(server.error(), options.certificate_file.string()));
  const auto ca = crypto::inspect_certificate(pki.ca.certificate_pem);
  if (!ca) return std::unexpected(wrap(ca.error(), options.ca_file.string()));
  if (server->not_after <= clock.wall())
    return fail(Code::kInvalid,
                fmt::format("{}: the certificate has expired", options.certificate_file.string()));
  if (server->not_before > clock.wall())
    return fail(Code::kInvalid,
                fmt::format("{}: the certificate is not valid yet; is this machine's clock right?",
                            options.certificate_file.string()));
  if (!crypto::belong_together(pki.server.certificate_pem, pki.server.private_key_pem))
    return fail(Code::kInvalid, fmt::format("{}: not the key of {}", options.key_file.string(),
                                            options.certificate_file.string()));
  pki.ca_fingerprint = ca->fingerprint;
  return pki;
}

Result<crypto::CertifiedKey> open_ca(const std::filesystem::path& directory, const Clock& clock) {
  const auto certificate = directory / "ca.pem";
  const auto key = directory / "ca.key";
  if (std::filesystem::exists(certificate)) {
    crypto::CertifiedKey ca{TRY(read_public(certificate)), {}};
    auto secret = crypto::read_private_file(key);
    if (!secret)
      return std::unexpected(
          wrap(std::move(secret).error(),
               fmt::format("the CA's key {} (restore it; without it a new CA is needed, and "
                           "every agent must enrol anew)",
                           key.string())));
    ca.private_key_pem = *std::move(secret);
    const auto info = crypto::inspect_certificate(ca.certificate_pem);
    if (!info) return std::unexpected(wrap(info.error(), certificate.string()));
    return ca;
  }
  // A key without its certificate is what a crash left; nobody has seen that CA.
  auto ca = TRY(crypto::make_ca("QleetOS hub CA", kCaLifetime, clock.wall()));
  TRY(crypto::write_private_file(key, ca.private_key_pem));
  TRY(crypto::write_private_file(certificate, ca.certificate_pem));
  kLog.info("made a CA", {{"file", certificate.string()}});
  return ca;
}

// Why the certificate cannot be served on; empty when it can.
std::string unusable(const crypto::CertifiedKey& server, const crypto::CertifiedKey& ca, WallTime ca_ends,
                     const crypto::ServerNames& names, WallTime now) {
  const auto info = crypto::inspect_certificate(server.certificate_pem);
  if (!info || !crypto::belong_together(server.certificate_pem, server.private_key_pem)) return "unreadable";
  if (!crypto::signed_by(server.certificate_pem, ca.certificate_pem)) return "signed by another CA";
  if (info->not_before > now) return "not valid yet: it was made by a clock that was ahead";
  // Another one would end no later than its CA either.
  if (info->not_after - now < kRenewBefore && info->not_after < ca_ends) return "expires within 30 days";
  if (!covers(info->names.dns, names.dns) || !covers(info->names.ips, names.ips)) return "lacks a name";
  return {};
}

}  // namespace

Result<Pki> open_pki(const PkiOptions& options, const Clock& clock) {
  if (!options.certificate_file.empty() || !options.key_file.empty() || !options.ca_file.empty())
    return given(options, clock);

  Pki pki;
  pki.ca = TRY(open_ca(options.directory, clock));
  const auto ca = TRY(crypto::inspect_certificate(pki.ca.certificate_pem));
  pki.ca_fingerprint = ca.fingerprint;
  const auto names = with_loopback(options.names);
  // One file for both, so that a crash cannot leave a certificate with another's key.
  const auto file = options.directory / "server.pem";
  std::string why = "none yet";
  if (std::filesystem::exists(file)) {
    const std::string text = TRY(crypto::read_private_file(file));
    const size_t key = text.find("-----BEGIN PRIVATE KEY");
    if (key != std::string::npos) {
      pki.server = {text.substr(0, key), text.substr(key)};
      why = unusable(pki.server, pki.ca, ca.not_after, names, clock.wall());
    } else {
      why = "unreadable";
    }
  }
  if (!why.empty()) {
    pki.server = TRY(crypto::make_server_certificate(pki.ca, names, kServerLifetime, clock.wall()));
    pki.server.certificate_pem += pki.ca.certificate_pem;
    TRY(crypto::write_private_file(file, pki.server.certificate_pem + pki.server.private_key_pem));
    kLog.info("made a server certificate", {{"file", file.string()}, {"reason", why}});
  }
  return pki;
}

}  // namespace qleet::hub::api
