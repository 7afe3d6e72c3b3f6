// A TCP connection that never waits, with TLS from a moment of the caller's choosing (NATS greets in plain).
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet {

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// Whom to believe. Costly to make (the CAs are parsed): one serves any number of connections. Thread-safe.
class TlsTrust {
 public:
  // `ca_pem` empty: the system's CAs. kInvalid: it holds no certificate.
  static Result<std::shared_ptr<const TlsTrust>> make(const std::string& ca_pem);
  SSL_CTX* context() const { return context_.get(); }

 private:
  std::unique_ptr<SSL_CTX, FreeSsl> context_;
};

// One thread at a time.
class NatsSocket {
 public:
  // Begins to connect: writable once it has. Waits for the name service where `host` is a name; of several
  // addresses, each `attempt` takes the next. kUnavailable.
  static Result<std::unique_ptr<NatsSocket>> connect(const std::string& host, const std::string& port,
                                                     std::size_t attempt);
  ~NatsSocket();
  NatsSocket(const NatsSocket&) = delete;
  NatsSocket& operator=(const NatsSocket&) = delete;

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
  // kNothing once the handshake is done. kDenied: the certificate is not trusted.
  Result<Need> handshake();
  // Errors: kUnavailable, the connection has ended.
  Result<Moved> read(std::span<char> into);
  Result<Moved> write(std::string_view data);

 private:
  explicit NatsSocket(int descriptor) : descriptor_(descriptor) {}
  Result<Moved> tls_result(int result) const;

  int descriptor_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
};

}  // namespace qleet
