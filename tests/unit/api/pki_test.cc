#include "hub/api/pki.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "common/crypto/private_file.h"
#include "tests/support/temp_dir.h"

namespace qleet::hub::api {
namespace {

class PkiTest : public ::testing::Test {
 protected:
  Pki open(crypto::ServerNames names = {}) {
    auto pki = open_pki({.directory = folder.path() / "tls", .names = std::move(names)}, clock);
    EXPECT_TRUE(pki.has_value()) << pki.error().message;
    return *std::move(pki);
  }
  std::filesystem::path tls(const char* name) { return folder.path() / "tls" / name; }
  std::filesystem::path file(const char* name, std::string_view text) {
    const auto path = folder / name;
    EXPECT_TRUE(crypto::write_private_file(path, text).has_value());
    return path;
  }

  test::TempDir folder;
  ManualClock clock;
};

TEST_F(PkiTest, MakesACaAndACertificateOnceAndKeepsThem) {
  const Pki first = open({.dns = {"hub.example"}, .ips = {}});
  EXPECT_TRUE(crypto::signed_by(first.server.certificate_pem, first.ca.certificate_pem));
  const auto info = *crypto::inspect_certificate(first.server.certificate_pem);
  EXPECT_EQ(info.names.dns, (std::vector<std::string>{"hub.example", "localhost"}));
  EXPECT_EQ(info.names.ips.front(), "127.0.0.1");
  EXPECT_EQ(first.ca_fingerprint, crypto::inspect_certificate(first.ca.certificate_pem)->fingerprint);
  EXPECT_TRUE(first.server.certificate_pem.ends_with(first.ca.certificate_pem)) << "with its chain";
  const Pki again = open({.dns = {"hub.example"}, .ips = {}});
  EXPECT_EQ(again.server.certificate_pem, first.server.certificate_pem);
  EXPECT_EQ(again.server.private_key_pem, first.server.private_key_pem);
  const auto mode = std::filesystem::status(tls("ca.key")).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(PkiTest, RenewsTheServersCertificateWhenItEndsSoonOrLacksAName) {
  const Pki first = open();
  clock.advance(std::chrono::days(360));
  EXPECT_EQ(open().server.certificate_pem, first.server.certificate_pem);
  clock.advance(std::chrono::days(10));
  const Pki renewed = open();
  EXPECT_NE(renewed.server.certificate_pem, first.server.certificate_pem);
  EXPECT_EQ(renewed.ca_fingerprint, first.ca_fingerprint) << "agents go on trusting it";
  const Pki named = open({.dns = {"new.example"}, .ips = {}});
  EXPECT_NE(named.server.certificate_pem, renewed.server.certificate_pem);
  EXPECT_EQ(open().server.certificate_pem, named.server.certificate_pem) << "a name more does no harm";
}

TEST_F(PkiTest, WhatAClockMadeThatWasAheadIsMadeAnew) {
  open();
  clock.advance(std::chrono::days(800));
  const Pki ahead = open();
  clock.jump_wall(-std::chrono::days(400));
  const Pki now = open();
  EXPECT_NE(now.server.certificate_pem, ahead.server.certificate_pem);
  EXPECT_TRUE(crypto::good_at(*crypto::inspect_certificate(now.server.certificate_pem), clock.wall()));
  EXPECT_EQ(open().server.certificate_pem, now.server.certificate_pem);
}

TEST_F(PkiTest, NothingIsMadeAnewThatWouldEndNoLater) {
  open();
  clock.advance(std::chrono::days(3640));
  const Pki last = open();
  EXPECT_EQ(open().server.certificate_pem, last.server.certificate_pem);
}

TEST_F(PkiTest, AnUnreadableServerCertificateIsMadeAnew) {
  const Pki first = open();
  ASSERT_TRUE(crypto::write_private_file(tls("server.pem"), "half").has_value());
  EXPECT_TRUE(crypto::signed_by(open().server.certificate_pem, first.ca.certificate_pem));
}

TEST_F(PkiTest, ACaThatLostItsKeyIsNeverReplacedSilently) {
  open();
  std::filesystem::remove(tls("ca.key"));
  const auto refused = open_pki({.directory = folder.path() / "tls"}, clock);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find(
                "restore it; without it a new CA is needed, and every agent must enrol anew"),
            std::string::npos)
      << refused.error().message;
}

TEST_F(PkiTest, AKeyWithoutItsCertificateIsWhatACrashLeft) {
  open();
  std::filesystem::remove(tls("ca.pem"));
  const Pki made = open();
  EXPECT_TRUE(crypto::signed_by(made.server.certificate_pem, made.ca.certificate_pem));
}

TEST_F(PkiTest, TakesGivenFilesAndSaysWhatIsWrongWithThem) {
  const Pki made = open();
  PkiOptions options{.directory = folder.path() / "none",
                     .certificate_file = file("c.pem", made.server.certificate_pem),
                     .key_file = file("k.pem", made.server.private_key_pem),
                     .ca_file = file("ca.pem", made.ca.certificate_pem)};
  const auto given = open_pki(options, clock);
  ASSERT_TRUE(given.has_value()) << given.error().message;
  EXPECT_EQ(given->ca_fingerprint, made.ca_fingerprint);
  EXPECT_FALSE(std::filesystem::exists(options.directory));

  PkiOptions half = options;
  half.key_file.clear();
  EXPECT_EQ(open_pki(half, clock).error().message,
            "TLS: give the certificate, its key and the CA's certificate, or none of them");
  PkiOptions broken = options;
  broken.certificate_file = file("bad.pem", "nonsense");
  EXPECT_TRUE(open_pki(broken, clock).error().message.starts_with(broken.certificate_file.string()));
  PkiOptions missing = options;
  missing.ca_file = folder / "no-such";
  EXPECT_EQ(open_pki(missing, clock).error().message, missing.ca_file.string() + ": cannot be read");
  PkiOptions foreign = options;
  foreign.key_file = file("other.pem", made.ca.private_key_pem);
  EXPECT_EQ(open_pki(foreign, clock).error().message,
            foreign.key_file.string() + ": not the key of " + options.certificate_file.string());
  clock.jump_wall(-std::chrono::days(2));
  EXPECT_EQ(open_pki(options, clock).error().message,
            options.certificate_file.string() +
                ": the certificate is not valid yet; is this machine's clock right?");
  clock.advance(std::chrono::days(402));
  EXPECT_EQ(open_pki(options, clock).error().message,
            options.certificate_file.string() + ": the certificate has expired");
}

}  // namespace
}  // namespace qleet::hub::api
