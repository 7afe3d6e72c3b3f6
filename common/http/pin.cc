#include "common/http/pin.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <array>
#include <cctype>
#include <memory>

namespace qleet::http {
namespace {

std::string fingerprint_of(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1) return {};
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += kHex[digest[i] >> 4U];
    out += kHex[digest[i] & 15U];
  }
  return out;
}

std::string pem_of(X509* certificate) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  if (!bio || PEM_write_bio_X509(bio.get(), certificate) != 1) return {};
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

bool verify_against(X509_STORE_CTX* presented, X509* ca, Pin& pin) {
  std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                          X509_STORE_CTX_free);
  if (!store || !context || X509_STORE_add_cert(store.get(), ca) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), X509_STORE_CTX_get0_cert(presented),
                          X509_STORE_CTX_get0_untrusted(presented)) != 1) {
    pin.why = "out of memory";
    return false;
  }
  // The peer's name as well.
  X509_VERIFY_PARAM_set1(X509_STORE_CTX_get0_param(context.get()), X509_STORE_CTX_get0_param(presented));
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  if (X509_verify_cert(context.get()) == 1) return true;
  pin.why = "its certificate is not good under the expected CA: ";
  pin.why += X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  return false;
}

int verify(X509_STORE_CTX* context, void* arg) {
  auto& pin = *static_cast<Pin*>(arg);
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_untrusted(context);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* candidate = sk_X509_value(chain, i);
    if (fingerprint_of(candidate) != pin.sha256) continue;
    if (!verify_against(context, candidate, pin)) {
      X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
      return 0;
    }
    pin.ca_pem = pem_of(candidate);
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
  }
  pin.why = "it presents no CA with the expected fingerprint";
  X509_STORE_CTX_set_error(context, X509_V_ERR_APPLICATION_VERIFICATION);
  return 0;
}

}  // namespace

std::string normal_fingerprint(std::string_view fingerprint) {
  std::string out;
  for (const char c : fingerprint) {
    if (c == ':' || c == ' ') continue;
    if (std::isxdigit(static_cast<unsigned char>(c)) == 0) return {};
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out.size() == 64 ? out : std::string();
}

void install(SSL_CTX* context, Pin* pin) { SSL_CTX_set_cert_verify_callback(context, verify, pin); }

}  // namespace qleet::http
