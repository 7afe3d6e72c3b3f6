// The hub's API: `Api` answers requests as plain values, `ApiServer` puts it on a TLS socket.
// docs/reference/api.md is for those who call it.
#pragma once

#include <memory>
#include <string>

#include "common/crypto/certificate.h"
#include "hub/api/dependencies.h"
#include "hub/api/http_server.h"
#include "hub/api/message.h"
#include "hub/api/rate_limiter.h"

namespace qleet::hub::api {

struct ApiOptions {
  HttpOptions http;
  // Requests of one service account.
  RateLimit per_subject{.per_second = 100, .burst = 400};
  // Requests without credentials, or with wrong ones, from one address.
  RateLimit per_address{.per_second = 5, .burst = 50};
};

// Thread-safe.
class Api {
 public:
  Api(const ApiOptions& options, ApiDependencies dependencies);
  ~Api();
  // May block on the store. Does not throw.
  Response handle(const Request& request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class ApiServer {
 public:
  // Listens and serves on return. Errors: those of HttpServer::start.
  static Result<std::unique_ptr<ApiServer>> start(ApiOptions options, ApiDependencies dependencies);
  ~ApiServer();
  // Returns when no request is being answered any more (HttpServer::stop). What the dependencies refer to may
  // go after that.
  void stop();
  // For connections that come from now on; HttpServer::use_certificate.
  Result<> use_certificate(const crypto::CertifiedKey& server);
  std::uint16_t port() const;

 private:
  struct Impl;
  explicit ApiServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace qleet::hub::api
