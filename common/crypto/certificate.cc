#include "common/crypto/certificate.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

#include "common/crypto/token.h"

namespace qleet::crypto {
namespace {

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;
using Request = std::unique_ptr<X509_REQ, Freed<X509_REQ, X509_REQ_free>>;
struct FreeNames {
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
struct FreePurposes {
  void operator()(EXTENDED_KEY_USAGE* usage) const { EXTENDED_KEY_USAGE_free(usage); }
};

std::unexpected<Error> internal(std::string_view what) {
  return fail(Code::kInternal, fmt::format("cannot make {}", what));
}

Bio reader(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

std::string contents(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Certificate parse_certificate(std::string_view pem) {
  return Certificate(PEM_read_bio_X509(reader(pem).get(), nullptr, nullptr, nullptr));
}

// Given an empty password so that an encrypted key fails rather than asks on the terminal.
Pkey parse_key(std::string_view pem) {
  return Pkey(PEM_read_bio_PrivateKey(reader(pem).get(), nullptr, nullptr, const_cast<char*>("")));
}

Result<CertifiedKey> to_pem(const Certificate& certificate, const Pkey& key) {
  const Bio certificate_bio(BIO_new(BIO_s_mem()));
  const Bio key_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_bio.get(), certificate.get()) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return internal("the text form of a certificate");
  }
  return CertifiedKey{contents(certificate_bio), contents(key_bio)};
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  const bool good = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return good;
}

std::time_t to_time(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

WallTime from_asn1(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

// A certificate with a fresh key, still without extensions and signature.
Result<Certificate> start(const std::string& name, const Pkey& key, WallTime from, WallTime until) {
  Certificate certificate(X509_new());
  std::array<unsigned char, 16> serial{};
  if (!certificate || RAND_bytes(serial.data(), serial.size()) != 1) return internal("a certificate");
  serial[0] &= 0x7fU;
  BIGNUM* number = BN_bin2bn(serial.data(), serial.size(), nullptr);
  const bool numbered = BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get())) != nullptr;
  BN_free(number);
  // The standard's limit for a common name.
  const std::string common_name = name.substr(0, 64);
  if (!numbered || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      X509_set_pubkey(certificate.get(), key.get()) != 1 ||
      ASN1_TIME_set(X509_getm_notBefore(certificate.get()), to_time(from)) == nullptr ||
      ASN1_TIME_set(X509_getm_notAfter(certificate.get()), to_time(until)) == nullptr ||
      X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(common_name.data()),
                                 static_cast<int>(common_name.size()), -1, 0) != 1) {
    return internal("a certificate");
  }
  return certificate;
}

bool is_ip(const std::string& text) {
  std::array<unsigned char, 16> address{};
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

bool is_dns_name(const std::string& text) {
  if (text.empty() || text.size() > 253) return false;
  for (const char c : text) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '.' || c == '_' || c == '*';
    if (!good) return false;
  }
  return true;
}

Result<std::string> alternative_names(const ServerNames& names) {
  std::string out;
  for (const auto& name : names.dns) {
    if (!is_dns_name(name)) return fail(Code::kInvalid, fmt::format("\"{}\" is not a DNS name", name));
    out += (out.empty() ? "DNS:" : ",DNS:") + name;
  }
  for (const auto& address : names.ips) {
    if (!is_ip(address)) return fail(Code::kInvalid, fmt::format("\"{}\" is not an IP address", address));
    out += (out.empty() ? "IP:" : ",IP:") + address;
  }
  if (out.empty()) return fail(Code::kInvalid, "a server certificate needs at least one name or address");
  return out;
}

struct Issuer {
  Certificate certificate;
  Pkey key;
  WallTime until;
};

Result<Issuer> issuer_of(const CertifiedKey& ca) {
  Issuer issuer{parse_certificate(ca.certificate_pem), parse_key(ca.private_key_pem), {}};
  if (!issuer.certificate || !issuer.key)
    return fail(Code::kInvalid, "the CA's certificate or key is not readable PEM");
  if (X509_check_private_key(issuer.certificate.get(), issuer.key.get()) != 1)
    return fail(Code::kInvalid, "the CA's certificate and key do not belong together");
  issuer.until = from_asn1(X509_get0_notAfter(issuer.certificate.get()));
  return issuer;
}

// Makes of what start() has begun a certificate of that CA, for one purpose: "serverAuth" or "clientAuth".
bool finish(X509* certificate, const Issuer& issuer, const std::string& purpose,
            const std::string& alternatives) {
  X509* ca = issuer.certificate.get();
  return X509_set_issuer_name(certificate, X509_get_subject_name(ca)) == 1 &&
         add_extension(certificate, ca, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(certificate, ca, NID_key_usage, "critical,digitalSignature") &&
         add_extension(certificate, ca, NID_ext_key_usage, purpose) &&
         add_extension(certificate, ca, NID_subject_key_identifier, "hash") &&
         add_extension(certificate, ca, NID_authority_key_identifier, "keyid") &&
         (alternatives.empty() || add_extension(certificate, ca, NID_subject_alt_name, alternatives)) &&
         X509_sign(certificate, issuer.key.get(), EVP_sha256()) != 0;
}

// The key that the request is for, if its holder has signed it, and it is of a kind that peers take.
Result<Pkey> key_of_request(std::string_view pem) {
  constexpr std::size_t kMost = 16 << 10;
  if (pem.size() > kMost) return fail(Code::kInvalid, "the certificate signing request is too large");
  const Request request(PEM_read_bio_X509_REQ(reader(pem).get(), nullptr, nullptr, nullptr));
  if (!request) return fail(Code::kInvalid, "not a certificate signing request in PEM form");
  Pkey key(X509_REQ_get_pubkey(request.get()));
  std::array<char, 64> group{};
  const bool p256 = key && EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC &&
                    EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr) == 1 &&
                    std::string_view(group.data()) == "prime256v1";
  if (!key || (!p256 && EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519))
    return fail(Code::kInvalid, "the certificate signing request's key is neither P-256 nor Ed25519");
  if (X509_REQ_verify(request.get(), key.get()) != 1)
    return fail(Code::kInvalid, "the certificate signing request is not signed by its key");
  return key;
}

std::string text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

ServerNames names_of(X509* certificate) {
  ServerNames out;
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) out.dns.push_back(text_of(name->d.dNSName));
    if (name->type != GEN_IPADD) continue;
    const std::string raw = text_of(name->d.iPAddress);
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (inet_ntop(raw.size() == 4 ? AF_INET : AF_INET6, raw.data(), text.data(), text.size()) != nullptr) {
      out.ips.emplace_back(text.data());
    }
  }
  return out;
}

}  // namespace

Result<CertifiedKey> make_ca(const std::string& name, Millis lifetime, WallTime now) {
  const Pkey key(EVP_EC_gen("P-256"));
  if (!key) return internal("a key");
  const Certificate certificate = TRY(start(name, key, now - std::chrono::hours(1), now + lifetime));
  X509* raw = certificate.get();
  if (X509_set_issuer_name(raw, X509_get_subject_name(raw)) != 1 ||
      !add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(raw, raw, NID_subject_key_identifier, "hash") ||
      X509_sign(raw, key.get(), EVP_sha256()) == 0) {
    return internal("a CA");
  }
  return to_pem(certificate, key);
}

Result<CertifiedKey> make_server_certificate(const CertifiedKey& ca, const ServerNames& names,
                                             Millis lifetime, WallTime now) {
  const Issuer issuer = TRY(issuer_of(ca));
  const std::string alternatives = TRY(alternative_names(names));
  const Pkey key(EVP_EC_gen("P-256"));
  if (!key) return internal("a key");
  const std::string& name = names.dns.empty() ? names.ips.front() : names.dns.front();
  const Certificate certificate =
      TRY(start(name, key, now - std::chrono::hours(1), std::min(now + lifetime, issuer.until)));
  if (!finish(certificate.get(), issuer, "serverAuth", alternatives)) return internal("a server certificate");
  return to_pem(certificate, key);
}

Result<std::string> make_client_key() {
  const Pkey key(EVP_EC_gen("P-256"));
  const Bio out(BIO_new(BIO_s_mem()));
  if (!key || PEM_write_bio_PKCS8PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return internal("a key");
  return contents(out);
}

Result<std::string> make_certificate_request(std::string_view private_key_pem, const std::string& name) {
  const Pkey key = parse_key(private_key_pem);
  if (!key) return fail(Code::kInvalid, "not a private key in PEM form");
  const Request request(X509_REQ_new());
  const Bio out(BIO_new(BIO_s_mem()));
  if (!request || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request.get()), "CN", MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(name.data()),
                                 static_cast<int>(name.size()), -1, 0) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509_REQ(out.get(), request.get()) != 1) {
    return internal("a certificate signing request");
  }
  return contents(out);
}

Result<> check_certificate_request(std::string_view request_pem) {
  (void)TRY(key_of_request(request_pem));
  return {};
}

Result<std::string> make_client_certificate(const CertifiedKey& ca, std::string_view request_pem,
                                            const std::string& name, Millis lifetime, WallTime now) {
  const Issuer issuer = TRY(issuer_of(ca));
  const Pkey key = TRY(key_of_request(request_pem));
  const Certificate certificate =
      TRY(start(name, key, now - std::chrono::hours(1), std::min(now + lifetime, issuer.until)));
  if (!finish(certificate.get(), issuer, "clientAuth", "")) return internal("a client certificate");
  const Bio out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(out.get(), certificate.get()) != 1) return internal("a client certificate");
  return contents(out);
}

bool belong_together(std::string_view certificate_pem, std::string_view private_key_pem) {
  const Certificate certificate = parse_certificate(certificate_pem);
  const Pkey key = parse_key(private_key_pem);
  return certificate && key && X509_check_private_key(certificate.get(), key.get()) == 1;
}

bool good_at(const CertificateInfo& info, WallTime now) {
  return info.not_before <= now && now < info.not_after;
}

bool renewal_due(const CertificateInfo& info, WallTime now, WallTime issuer_ends) {
  // Made by a clock that was ahead.
  if (info.not_before > now) return true;
  return now >= info.not_after - (info.not_after - info.not_before) / 3 && info.not_after < issuer_ends;
}

Result<CertificateInfo> inspect_certificate(std::string_view pem) {
  const Certificate certificate = parse_certificate(pem);
  if (!certificate) return fail(Code::kInvalid, "not a certificate in PEM form");
  CertificateInfo out;
  std::array<char, 256> name{};
  if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(),
                                name.size()) > 0) {
    out.common_name = name.data();
  }
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  if (size <= 0) return fail(Code::kInvalid, "not a certificate in PEM form");
  out.fingerprint = sha256_hex({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  out.not_before = from_asn1(X509_get0_notBefore(certificate.get()));
  out.not_after = from_asn1(X509_get0_notAfter(certificate.get()));
  out.is_ca = X509_check_ca(certificate.get()) == 1;
  out.names = names_of(certificate.get());
  const std::unique_ptr<EXTENDED_KEY_USAGE, FreePurposes> purposes(static_cast<EXTENDED_KEY_USAGE*>(
      X509_get_ext_d2i(certificate.get(), NID_ext_key_usage, nullptr, nullptr)));
  for (int i = 0; i < sk_ASN1_OBJECT_num(purposes.get()); ++i) {
    const int purpose = OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes.get(), i));
    out.for_servers = out.for_servers || purpose == NID_server_auth;
    out.for_clients = out.for_clients || purpose == NID_client_auth;
  }
  return out;
}

bool signed_by(std::string_view certificate_pem, std::string_view ca_pem) {
  const Certificate certificate = parse_certificate(certificate_pem);
  const Certificate ca = parse_certificate(ca_pem);
  return certificate && ca && X509_verify(certificate.get(), X509_get0_pubkey(ca.get())) == 1;
}

}  // namespace qleet::crypto
