#include "common/net/socket.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace qleet {
namespace {

// Of TLS 1.2.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

std::unexpected<Error> lost(std::string why) { return fail(Code::kUnavailable, std::move(why)); }
std::unexpected<Error> lost_by_error(int error) { return lost(std::strerror(error)); }

std::unexpected<Error> ended() { return fail(Code::kUnavailable, Socket::kEnd, "the connection was closed"); }

std::string tls_error() {
  char text[256] = {};
  const auto code = ERR_get_error();
  ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return code == 0 ? "the connection was closed" : text;
}

bool is_address(const std::string& host) {
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> parsed(
      a2i_IPADDRESS(host.c_str()), ASN1_OCTET_STRING_free);
  return parsed != nullptr;
}

// OpenSSL's own would write(), which ends the process with SIGPIPE where the peer has gone.
int send_without_signal(BIO* bio, const char* data, int size) {
  int descriptor = -1;
  BIO_get_fd(bio, &descriptor);
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(descriptor, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && BIO_sock_should_retry(-1) != 0) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

// Of all connections, to the end of the process.
const BIO_METHOD* quiet_socket() {
  static const BIO_METHOD* const method = [] {
    const BIO_METHOD* given = BIO_s_socket();
    BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOCKET, "socket");
    if (made == nullptr) return made;
    BIO_meth_set_write(made, send_without_signal);
    BIO_meth_set_read(made, BIO_meth_get_read(given));
    BIO_meth_set_ctrl(made, BIO_meth_get_ctrl(given));
    BIO_meth_set_create(made, BIO_meth_get_create(given));
    BIO_meth_set_destroy(made, BIO_meth_get_destroy(given));
    return made;
  }();
  return method;
}

// The alerts by which a peer says what it thinks of the client's certificate. A peer may close before its
// alert is read, so that their absence says nothing.
bool about_own_certificate(unsigned long code) {
  switch (ERR_GET_REASON(code)) {
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return true;
    default:
      return false;
  }
}

Result<> show(SSL_CTX* context, const TlsClient& client) {
  const auto reader = [](const std::string& pem) {
    return std::unique_ptr<BIO, decltype(&BIO_free)>(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  };
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(reader(client.certificate_pem).get(), nullptr, nullptr, nullptr), X509_free);
  // An empty password, so that an encrypted key fails rather than asks on the terminal.
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(reader(client.key_pem).get(), nullptr, nullptr, const_cast<char*>("")),
      EVP_PKEY_free);
  const bool good = certificate && key && SSL_CTX_use_certificate(context, certificate.get()) == 1 &&
                    SSL_CTX_use_PrivateKey(context, key.get()) == 1;
  ERR_clear_error();
  if (!good) return fail(Code::kInvalid, "tls_client: not a certificate and its key in PEM form");
  return {};
}

Result<> add_certificates(X509_STORE* store, const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
  int count = 0;
  while (X509* certificate = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(store, certificate);
    X509_free(certificate);
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return fail(Code::kInvalid, "tls_ca_pem: holds no certificate");
  return {};
}

}  // namespace

Result<std::shared_ptr<TlsTrust>> TlsTrust::make(const std::string& ca_pem, const TlsClient& client) {
  auto trust = std::make_shared<TlsTrust>();
  TRY(trust->replace(ca_pem, client));
  return trust;
}

Result<> TlsTrust::replace(const std::string& ca_pem, const TlsClient& client) {
  const std::shared_ptr<SSL_CTX> made(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  SSL_CTX* context = made.get();
  if (context == nullptr || SSL_CTX_set_cipher_list(context, kCiphers) != 1)
    return fail(Code::kInternal, "TLS: " + tls_error());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (ca_pem.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else {
    TRY(add_certificates(SSL_CTX_get_cert_store(context), ca_pem));
  }
  if (!client.certificate_pem.empty() || !client.key_pem.empty()) TRY(show(context, client));
  const MutexLock lock(mutex_);
  context_ = made;
  return {};
}

std::shared_ptr<SSL_CTX> TlsTrust::context() const {
  const MutexLock lock(mutex_);
  return context_;
}

Result<std::vector<Socket::Address>> Socket::resolve(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = is_address(host) ? AI_NUMERICHOST | AI_NUMERICSERV : AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found))
    return fail(Code::kNotFound, host + ": " + ::gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next)
    addresses.push_back(
        {each->ai_family, std::string(reinterpret_cast<const char*>(each->ai_addr), each->ai_addrlen)});
  return addresses;
}

Result<std::unique_ptr<Socket>> Socket::connect(const Address& address) {
  const int descriptor = ::socket(address.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return lost_by_error(errno);
  std::unique_ptr<Socket> socket(new Socket(descriptor));
  const int on = 1;
  if (address.family != AF_UNIX) ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(address.bytes.data()),
                static_cast<socklen_t>(address.bytes.size())) != 0 &&
      errno != EINPROGRESS) {
    if (errno == EAGAIN) return fail(Code::kExhausted, "too many others wait");
    return lost_by_error(errno);
  }
  return socket;
}

Result<std::unique_ptr<Socket>> Socket::connect_unix(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof address.sun_path) return lost_by_error(ENAMETOOLONG);
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  return connect({AF_UNIX, std::string(reinterpret_cast<const char*>(&address), sizeof address)});
}

Result<std::unique_ptr<Socket>> Socket::connect(const std::string& host, const std::string& port,
                                                std::size_t attempt) {
  const auto addresses = resolve(host, port);
  if (!addresses) return lost(addresses.error().message);
  return connect((*addresses)[attempt % addresses->size()]);
}

Socket::~Socket() {
  // No good-bye: it could wait, and the server needs none.
  ssl_.reset();
  ::close(descriptor_);
}

Result<> Socket::connected() const {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return lost_by_error(error);
  return {};
}

Result<> Socket::begin_tls(const TlsTrust& trust, const std::string& server_name) {
  ssl_.reset(SSL_new(trust.context().get()));
  BIO* bio = ssl_ ? BIO_new(quiet_socket()) : nullptr;
  if (bio == nullptr) return fail(Code::kInternal, "TLS: " + tls_error());
  BIO_set_fd(bio, descriptor_, BIO_NOCLOSE);
  SSL_set_bio(ssl_.get(), bio, bio);
  X509_VERIFY_PARAM* checks = SSL_get0_param(ssl_.get());
  const bool set = is_address(server_name)
                       ? X509_VERIFY_PARAM_set1_ip_asc(checks, server_name.c_str()) == 1
                       : X509_VERIFY_PARAM_set1_host(checks, server_name.c_str(), 0) == 1 &&
                             SSL_set_tlsext_host_name(ssl_.get(), server_name.c_str()) == 1;
  if (!set) return fail(Code::kInvalid, "tls_server_name: \"" + server_name + "\" is no name");
  SSL_set_connect_state(ssl_.get());
  return {};
}

Result<Socket::Moved> Socket::tls_result(int result) const {
  const int error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return Moved{.bytes = 0, .need = Need::kRead};
    case SSL_ERROR_WANT_WRITE:
      return Moved{.bytes = 0, .need = Need::kWrite};
    case SSL_ERROR_ZERO_RETURN:
      return ended();
    case SSL_ERROR_SYSCALL:
      ERR_clear_error();
      return error == 0 ? lost("the connection was closed") : lost_by_error(error);
    default:
      if (about_own_certificate(ERR_peek_error()))
        return fail(Code::kDenied, Socket::kOurs,
                    "the peer does not take this client's certificate: " + tls_error());
      return lost(tls_error());
  }
}

Result<Socket::Need> Socket::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return Need::kNothing;
  const auto moved = tls_result(result);
  if (moved) return moved->need;
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (verdict == X509_V_OK) return std::unexpected(moved.error());
  return fail(Code::kDenied, std::string("the server's certificate is not trusted: ") +
                                 X509_verify_cert_error_string(verdict));
}

Result<Socket::Moved> Socket::read(std::span<char> into) {
  if (ssl_) {
    ERR_clear_error();
    const int result = SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
    if (result > 0) return Moved{.bytes = static_cast<std::size_t>(result)};
    return tls_result(result);
  }
  const ssize_t result = ::recv(descriptor_, into.data(), into.size(), 0);
  if (result > 0) return Moved{.bytes = static_cast<std::size_t>(result)};
  if (result == 0) return ended();
  if (errno == EAGAIN || errno == EINTR) return Moved{.bytes = 0, .need = Need::kRead};
  return lost_by_error(errno);
}

Result<Socket::Moved> Socket::write(std::string_view data) {
  if (ssl_) {
    ERR_clear_error();
    const int result =
        SSL_write(ssl_.get(), data.data(), static_cast<int>(std::min<std::size_t>(data.size(), 1U << 24U)));
    if (result > 0) return Moved{.bytes = static_cast<std::size_t>(result)};
    return tls_result(result);
  }
  const ssize_t result = ::send(descriptor_, data.data(), data.size(), MSG_NOSIGNAL);
  if (result >= 0) return Moved{.bytes = static_cast<std::size_t>(result)};
  if (errno == EAGAIN || errno == EINTR) return Moved{.bytes = 0, .need = Need::kWrite};
  return lost_by_error(errno);
}

}  // namespace qleet
