// A small HTTP server for tests of clients: one thread per connection, every request answered by a function.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace qleet::testing {

struct HttpRequest {
  std::string method;
  std::string target;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// Writes raw bytes of an answer; false once the peer has gone.
using HttpWrite = std::function<bool(std::string_view)>;
// Writes the whole answer (simple() helps). Returning false closes the connection afterwards.
using HttpHandler = std::function<bool(const HttpRequest&, const HttpWrite&)>;

std::string simple(int status, std::string_view body, std::string_view extra_headers = "");

struct HttpServerOptions {
  std::string unix_socket;  // instead of a free port on 127.0.0.1
  // Both: serve TLS. The chain holds the leaf first.
  std::string certificate_chain_pem;
  std::string private_key_pem;
};

class HttpServer {
 public:
  explicit HttpServer(HttpHandler handler, HttpServerOptions options = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const { return port_; }
  std::string url(std::string_view path) const;
  int connections() const { return connections_; }

 private:
  void accept_loop();
  void serve(int fd);

  HttpHandler handler_;
  HttpServerOptions options_;
  int listener_ = -1;
  int port_ = 0;
  void* tls_ = nullptr;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

}  // namespace qleet::testing
