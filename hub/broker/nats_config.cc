#include "hub/broker/nats_config.h"

#include <fmt/format.h>

namespace qleet::hub {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

// The fleet's account is not in it, so that the text does not change with a revocation: it lies in the
// resolver's folder, and changes come over the system account.
std::string NatsConfig::text() const {
  std::string out = "# Written by the hub at each start; changes made here are lost.\n";
  const auto line = [&](std::string_view name, const std::string& value) {
    out += fmt::format("{}: {}\n", name, value);
  };
  line("server_name", quoted(server_name));
  line("host", quoted(host));
  line("port", fmt::format("{}", port));
  line("pid_file", quoted(pid_path()));
  line("log_file", quoted(log_path()));
  line("logfile_size_limit", fmt::format("{}", log_bytes));
  line("logtime", "true");
  line("max_payload", fmt::format("{}", max_payload));
  line("max_connections", fmt::format("{}", max_connections));
  // Per client: an agent that does not read is cut rather than let eat the memory; it syncs when it is back.
  line("max_pending", "16777216");
  line("write_deadline", quoted("10s"));
  // Who does not answer for so long is cut, and the hub is told: sooner than by heartbeats that do not come.
  line("ping_interval", quoted("5s"));
  line("ping_max", "2");
  const auto seconds = [](Millis time) { return std::chrono::duration<double>(time).count(); };
  const std::string clients =
      client_certificates ? fmt::format("verify: true, ca_file: {}, ", quoted(client_ca_path())) : "";
  out += fmt::format("tls {{ cert_file: {}, key_file: {}, {}timeout: {} }}\n", quoted(certificate_path()),
                     quoted(key_path()), clients, seconds(tls_timeout));
  out += fmt::format("authorization {{ timeout: {} }}\n", seconds(auth_timeout));
  line("operator", quoted(operator_jwt));
  line("system_account", system_account);
  out += fmt::format("resolver: {{ type: full, dir: {}, allow_delete: false, interval: \"2m\" }}\n",
                     quoted(accounts_path()));
  out += fmt::format("resolver_preload: {{ {}: {} }}\n", system_account, quoted(system_jwt));
  return out;
}

}  // namespace qleet::hub
