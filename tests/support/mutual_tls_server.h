// A nats-server that takes only clients with a certificate, and options for those who have one.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/crypto/private_file.h"
#include "tests/support/nats_harness.h"
#include "tests/support/temp_dir.h"

namespace qleet::testing {

class MutualTlsServer {
 public:
  MutualTlsServer() {
    const auto server =
        *crypto::make_server_certificate(ca_, {.dns = {"broker.test"}, .ips = {}}, kDay, now());
    const auto write = [&](const char* name, const std::string& text) {
      (void)crypto::write_private_file(folder_ / name, text);
      return (folder_ / name).string();
    };
    server_ = std::make_unique<NatsProcess>(
        fmt::format("tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }}",
                    write("cert", server.certificate_pem), write("key", server.private_key_pem),
                    write("ca", ca_.certificate_pem)));
  }

  NatsOptions without_certificate(const std::string& name) const {
    auto options = fast(name, server_->url("tls"));
    options.tls_ca_pem = ca_.certificate_pem;
    options.tls_server_name = "broker.test";
    return options;
  }
  NatsOptions with_certificate(const std::string& name) const {
    auto options = without_certificate(name);
    options.tls_key_pem = *crypto::make_client_key();
    options.tls_certificate_pem = *crypto::make_client_certificate(
        ca_, *crypto::make_certificate_request(options.tls_key_pem, name), name, kDay, now());
    return options;
  }

 private:
  static constexpr Millis kDay = std::chrono::hours(24);
  static WallTime now() { return SystemClock().wall(); }

  test::TempDir folder_;
  crypto::CertifiedKey ca_ = *crypto::make_ca("test", kDay, now());
  std::unique_ptr<NatsProcess> server_;
};

}  // namespace qleet::testing
