#include "tests/support/http_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <stdexcept>

namespace qleet::testing {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Connection = std::unique_ptr<SSL, decltype(&SSL_free)>;

Bio bio_of(const std::string& text) { return {BIO_new_mem_buf(text.data(), -1), BIO_free}; }

SSL_CTX* make_tls(const HttpServerOptions& options) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  auto chain = bio_of(options.certificate_chain_pem);
  bool leaf = true;
  while (X509* certificate = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) {
    if (leaf) {
      SSL_CTX_use_certificate(context, certificate);
      X509_free(certificate);
    } else {
      SSL_CTX_add_extra_chain_cert(context, certificate);
    }
    leaf = false;
  }
  auto key_bio = bio_of(options.private_key_pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr);
  SSL_CTX_use_PrivateKey(context, key);
  EVP_PKEY_free(key);
  return context;
}

// Bytes in, bytes out, with or without TLS.
struct Stream {
  int fd;
  SSL* tls;

  long read(char* data, std::size_t size) const {
    return tls != nullptr ? SSL_read(tls, data, static_cast<int>(size)) : ::recv(fd, data, size, 0);
  }
  bool write(std::string_view data) const {
    while (!data.empty()) {
      const long sent = tls != nullptr ? SSL_write(tls, data.data(), static_cast<int>(data.size()))
                                       : ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
};

bool read_request(const Stream& stream, std::string& buffer, HttpRequest& request) {
  const auto more = [&] {
    char chunk[16384];
    const long got = stream.read(chunk, sizeof chunk);
    if (got > 0) buffer.append(chunk, static_cast<std::size_t>(got));
    return got > 0;
  };
  std::size_t end = 0;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return false;
  }
  std::string_view head = std::string_view(buffer).substr(0, end + 2);
  const auto first_end = head.find("\r\n");
  const auto first = head.substr(0, first_end);
  const auto space = first.find(' ');
  request.method = first.substr(0, space);
  request.target = first.substr(space + 1, first.rfind(' ') - space - 1);
  head.remove_prefix(first_end + 2);
  while (!head.empty()) {
    const auto line = head.substr(0, head.find("\r\n"));
    const auto colon = line.find(':');
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    request.headers[name] = value;
    head.remove_prefix(line.size() + 2);
  }
  buffer.erase(0, end + 4);
  const auto length = request.headers.find("content-length");
  const std::size_t size = length == request.headers.end() ? 0 : std::stoul(length->second);
  while (buffer.size() < size) {
    if (!more()) return false;
  }
  request.body = buffer.substr(0, size);
  buffer.erase(0, size);
  return true;
}

}  // namespace

std::string simple(int status, std::string_view body, std::string_view extra_headers) {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), extra_headers,
                     body);
}

HttpServer::HttpServer(HttpHandler handler, HttpServerOptions options)
    : handler_(std::move(handler)), options_(std::move(options)) {
  signal(SIGPIPE, SIG_IGN);
  if (!options_.private_key_pem.empty()) tls_ = make_tls(options_);
  bool good = false;
  if (!options_.unix_socket.empty()) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    options_.unix_socket.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    good = bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  } else {
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof address;
    good = bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
           getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    port_ = ntohs(address.sin_port);
  }
  if (!good || listen(listener_, 64) != 0) throw std::runtime_error("test server cannot listen");
  acceptor_ = std::thread([this] { accept_loop(); });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  for (auto& worker : workers_) worker.join();
  SSL_CTX_free(static_cast<SSL_CTX*>(tls_));
  if (!options_.unix_socket.empty()) unlink(options_.unix_socket.c_str());
}

std::string HttpServer::url(std::string_view path) const {
  if (!options_.unix_socket.empty()) return fmt::format("http://localhost{}", path);
  return fmt::format("{}://127.0.0.1:{}{}", tls_ != nullptr ? "https" : "http", port_, path);
}

void HttpServer::accept_loop() {
  while (!stopping_) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    workers_.emplace_back([this, fd] { serve(fd); });
  }
}

void HttpServer::serve(int fd) {
  Connection tls(tls_ != nullptr ? SSL_new(static_cast<SSL_CTX*>(tls_)) : nullptr, SSL_free);
  if (tls) SSL_set_fd(tls.get(), fd);
  if (!tls || SSL_accept(tls.get()) == 1) {
    const Stream stream{fd, tls.get()};
    std::string buffer;
    HttpRequest request;
    while (!stopping_ && read_request(stream, buffer, request)) {
      if (!handler_(request, [&](std::string_view data) { return !stopping_ && stream.write(data); })) break;
      request = {};
    }
    if (tls) SSL_shutdown(tls.get());
  }
  const std::lock_guard lock(mutex_);
  std::erase(open_, fd);
  close(fd);
}

}  // namespace qleet::testing
