// A TCP or unix-socket connection that never waits, with TLS from a moment of the caller's choosing (NATS
// greets in plain).
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "common/thread/mutex.h"

namespace qleet {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// What a client shows of itself where a server asks for it: PEM, the certificate and its key. Both or none.
struct TlsClient {
  std::string certificate_pem;
  std::string key_pem;
};

// Whom to believe, and what to show. Costly to make (the CAs are parsed): one serves any number of
// connections. TLS 1.2 with forward secrecy and authenticated encryption alone, or 1.3. Thread-safe.
class TlsTrust {
 public:
  // `ca_pem` empty: the system's CAs. kInvalid: it holds no certificate, or the client's cannot be used.
  static Result<std::shared_ptr<TlsTrust>> make(const std::string& ca_pem, const TlsClient& client = {});
  // From now on; connections that exist are left as they are. On an error nothing has changed.
  Result<> replace(const std::string& ca_pem, const TlsClient& client);
  std::shared_ptr<SSL_CTX> context() const;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<SSL_CTX> context_ GUARDED_BY(mutex_);
};

// One thread at a time.
class Socket {
 public:
  struct Address {
    int family = 0;
    std::string bytes;  // a sockaddr
  };
  // Waits for the name service where `host` is a name; at least one. kNotFound.
  static Result<std::vector<Address>> resolve(const std::string& host, const std::string& port);
  // Begins to connect: writable once it has. kUnavailable; kExhausted where it can be tried again at once.
  static Result<std::unique_ptr<Socket>> connect(const Address& address);
  static Result<std::unique_ptr<Socket>> connect_unix(const std::string& path);
  // Resolves, then connects: of several addresses, each `attempt` takes the next. kUnavailable.
  static Result<std::unique_ptr<Socket>> connect(const std::string& host, const std::string& port,
                                                 std::size_t attempt);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  int descriptor() const { return descriptor_; }
  // Once it is writable.
  Result<> connected() const;
  // From here on everything is TLS; the certificate must be for `server_name` (name or address).
  Result<> begin_tls(const TlsTrust& trust, const std::string& server_name);
  bool tls() const { return ssl_ != nullptr; }

  enum class Need { kNothing, kRead, kWrite };
  struct Moved {
    std::size_t bytes = 0;
    Need need = Need::kNothing;  // where `bytes` is 0
  };
  // kNothing once the handshake is done. kDenied: a certificate is not trusted, the server's or the client's.
  Result<Need> handshake();
  // Errors: kUnavailable, the connection has ended; with the reason kEnd where the peer ended it in good
  // order. kDenied: the peer does not take the client's certificate, or wants one (TLS 1.3 says so only after
  // the handshake); with the reason kOurs, as of handshake().
  static constexpr std::string_view kEnd = "EndOfStream";
  static constexpr std::string_view kOurs = "ClientCertificateRefused";
  Result<Moved> read(std::span<char> into);
  Result<Moved> write(std::string_view data);

 private:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Result<Moved> tls_result(int result) const;

  int descriptor_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace qleet
