// The nats-server that the hub runs.
//
// It outlives a hub that crashes or is killed: the next hub finds it by its pid file and its command line,
// and goes on with it if it is healthy and configured as it would be now, so that no agent loses its
// connection. One that is not is ended and started anew. An orderly stop() of the hub ends it.
//
// <folder>/nats.conf, nats.pid, nats.log, port, tls.crt, tls.key, clients-ca.crt, accounts/
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/result/result.h"
#include "common/thread/mutex.h"
#include "hub/broker/nats_config.h"
#include "hub/broker/server_process.h"

namespace qleet::hub {

struct NatsServerOptions {
  std::filesystem::path folder;
  // Empty: nats-server from PATH, else /usr/sbin/nats-server.
  std::string binary;
  std::string host = "0.0.0.0";
  // 0: a free one, chosen once and kept in the folder, because agents know it.
  int port = 0;
  // Signs the server's certificate, and those of its clients.
  crypto::CertifiedKey ca;
  // Whether a client must show one; else anybody is listened to until his identity is refused.
  bool client_certificates = true;
  // Under which agents reach it, in addition to kBrokerTlsName.
  crypto::ServerNames names;
  Millis tls_timeout = NatsConfig{}.tls_timeout;
  Millis auth_timeout = NatsConfig{}.auth_timeout;
  std::int64_t log_bytes = NatsConfig{}.log_bytes;
  Millis certificate_lifetime = std::chrono::hours(24 * 90);

  std::string operator_jwt;
  std::string system_account;
  std::string system_jwt;
  std::string account;
  // The fleet's account as it is now; asked whenever the server is started.
  std::function<std::string()> account_jwt;
};

// Thread-safe.
class NatsServer {
 public:
  // Returns once the server answers. kExists: the port is taken by something else; kNotFound: no binary.
  // `clock` must outlive it.
  static Result<std::unique_ptr<NatsServer>> start(NatsServerOptions options, const Clock& clock);
  // As stop().
  ~NatsServer();
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  int port() const { return config_.port; }
  // `refused` is told, on a thread of the server's, of identities that publish or subscribe what they may
  // not, and how often in a second: each time that the log has filled a file, so mild ones are seldom told
  // of. As long as the handle lives, which ends before this does; one at a time.
  using Refused = std::function<void(const std::string& public_key, std::uint64_t per_second)>;
  std::shared_ptr<void> on_refused(Refused refused);

  // Makes its certificate anew where that is due, not good yet, or lacks a name; connections stay. To be
  // called from time to time.
  Result<> renew_certificate();
  // Of its certificate.
  Result<crypto::CertificateInfo> certificate() const;
  // From now on, also where it has begun without; connections stay.
  Result<> require_client_certificates();
  // As it says itself, e.g. "2.9.10"; empty: it does not answer.
  std::string version() const;

  // For clients on this machine.
  std::string local_url() const;
  pid_t pid() const;
  // True if start() found it running.
  bool reused() const { return reused_; }

  void stop();
  // Ends the supervision and leaves the server to the next hub.
  void leave();

 private:
  NatsServer(NatsServerOptions options, const Clock& clock);
  Result<> prepare();
  Result<int> choose_port() const;
  Result<bool> ensure_certificate();
  Result<bool> adopt();
  Result<ServerProcess> launch();
  Result<> wait_ready(const ServerProcess& process) const;
  bool healthy() const;
  std::string last_complaint() const;
  void supervise();
  bool ended() const;
  void tell_of_end() const;
  Result<> restart();
  bool pause(int also, Millis timeout) const;
  void log_has_moved() const;
  void end_supervision();

  NatsServerOptions options_;
  const Clock& clock_;
  NatsConfig config_;
  mutable Mutex files_mutex_;  // of config_.client_certificates, text_, and of what the server reads
  std::string text_ GUARDED_BY(files_mutex_);
  std::string launched_text_ GUARDED_BY(files_mutex_);  // with which the server was started last
  bool reused_ = false;
  int stop_event_ = -1;
  int moved_event_ = -1;  // inotify: a file of the folder was moved, as the server does with a full log
  mutable Mutex refused_mutex_;
  Refused refused_ GUARDED_BY(refused_mutex_);
  mutable Mutex mutex_;
  std::optional<ServerProcess> process_ GUARDED_BY(mutex_);
  std::thread supervisor_;
};

}  // namespace qleet::hub
