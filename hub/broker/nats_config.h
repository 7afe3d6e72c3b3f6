// The configuration file of the nats-server that the hub runs: text from values, nothing else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "common/clock/clock.h"

namespace qleet::hub {

struct NatsConfig {
  std::string server_name;
  std::string host;
  int port = 0;
  std::filesystem::path folder;  // everything of the server lies in it
  std::string operator_jwt;
  std::string system_account;
  std::string system_jwt;
  int max_connections = 65'536;
  // Who has not shown an identity is cut after these, one after the other. TLS: long enough for a whole fleet
  // that comes back at once and shares the processors.
  Millis tls_timeout{30'000};
  Millis auth_timeout{10'000};
  // Who shows no certificate for clients, of the CA in `client_ca_path`, gets no further than TLS: nothing
  // that he says is read.
  bool client_certificates = true;
  // Of its log: a new file is begun then, and of the earlier ones the hub keeps two.
  std::int64_t log_bytes = 16 << 20;
  // Also bounds the number of revocations: about 70 bytes each, in one message.
  std::int64_t max_payload = 1U << 20U;

  std::filesystem::path path() const { return folder / "nats.conf"; }
  std::filesystem::path pid_path() const { return folder / "nats.pid"; }
  std::filesystem::path log_path() const { return folder / "nats.log"; }
  std::filesystem::path accounts_path() const { return folder / "accounts"; }
  std::filesystem::path certificate_path() const { return folder / "tls.crt"; }
  std::filesystem::path key_path() const { return folder / "tls.key"; }

  std::filesystem::path client_ca_path() const { return folder / "clients-ca.crt"; }

  // Equal values, equal text.
  std::string text() const;
};

}  // namespace qleet::hub
