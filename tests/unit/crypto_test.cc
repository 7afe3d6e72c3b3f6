#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "common/crypto/certificate.h"
#include "common/crypto/encoding.h"
#include "common/crypto/jwt.h"
#include "common/crypto/nkey.h"
#include "common/crypto/private_file.h"
#include "common/crypto/sealed.h"
#include "common/crypto/sealed_box.h"
#include "common/crypto/token.h"

namespace qleet::crypto {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

constexpr WallTime kNow = WallTime(std::chrono::seconds(1'700'000'000));
constexpr Millis kYear = std::chrono::hours(24 * 365);

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "qleet-crypto-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

TEST(Encoding, KnownValues) {
  EXPECT_EQ(hex(std::string_view("\x00\x9f\xff", 3)), "009fff");
  EXPECT_EQ(unhex("009FfF"), std::string("\x00\x9f\xff", 3));
  EXPECT_EQ(unhex("0"), std::nullopt);
  EXPECT_EQ(unhex("0g"), std::nullopt);
  // RFC 4648 section 10.
  const std::pair<const char*, const char*> base32_vectors[] = {
      {"", ""}, {"f", "MY"}, {"fo", "MZXQ"}, {"foo", "MZXW6"}, {"foob", "MZXW6YQ"}, {"foobar", "MZXW6YTBOI"}};
  for (const auto& [plain, text] : base32_vectors) {
    EXPECT_EQ(base32(plain), text);
    EXPECT_EQ(unbase32(text), plain);
  }
  EXPECT_EQ(base64url("foob"), "Zm9vYg");
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(unbase64url("-_8"), "\xfb\xff");
  EXPECT_EQ(unbase64url("-_9"), std::nullopt) << "bits that no encoder leaves";
  EXPECT_EQ(unbase64url("A"), std::nullopt);
  EXPECT_EQ(unbase64url("+/8"), std::nullopt);
}

TEST(Token, KnownHashAndShapes) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  SystemRandom random;
  EXPECT_THAT(random_token(random, kJoinPrefix), MatchesRegex("qlj_[A-Za-z0-9_-]{43}"));
  EXPECT_THAT(random_token(random, kServiceAccountPrefix), MatchesRegex("qlt_[A-Za-z0-9_-]{43}"));
  EXPECT_THAT(random_password(random, 40), MatchesRegex("[A-Za-z0-9]{40}"));
  EXPECT_THAT(random_uuid(random),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_uuid(random));
  EXPECT_EQ(seen.size(), 1000);
}

TEST(Token, SeededRandomRepeats) {
  SeededRandom a(7);
  SeededRandom b(7);
  SeededRandom c(8);
  const std::string first = random_token(a, "");
  EXPECT_EQ(first, random_token(b, ""));
  EXPECT_NE(first, random_token(c, ""));
  EXPECT_NE(first, random_token(a, ""));
}

TEST(Token, BelowIsInRangeAndReachesAll) {
  SeededRandom random(1);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 500; ++i) seen.insert(random.below(7));
  EXPECT_EQ(seen.size(), 7);
  EXPECT_EQ(*seen.rbegin(), 6);
  EXPECT_EQ(random.below(1), 0);
}

TEST(Token, ConstantTimeCompare) {
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "abcd"));
}

TEST(NKey, KnownUser) {
  // From NATS's documentation.
  auto key = NKey::from_seed("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->kind(), KeyKind::kUser);
  EXPECT_EQ(key->public_key(), "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4");
  EXPECT_EQ(key->seed(), "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY");
}

TEST(NKey, RoundTripSignVerify) {
  SystemRandom random;
  const std::pair<KeyKind, const char*> kinds[] = {
      {KeyKind::kOperator, "O"}, {KeyKind::kAccount, "A"}, {KeyKind::kUser, "U"}};
  for (const auto& [kind, letter] : kinds) {
    const NKey key = NKey::generate(kind, random);
    EXPECT_THAT(key.public_key(), StartsWith(letter));
    EXPECT_THAT(key.seed(), StartsWith(std::string("S") + letter));
    EXPECT_EQ(parse_public_key(key.public_key()), kind);
    const auto again = NKey::from_seed(key.seed());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->public_key(), key.public_key());
    const std::string signature = again->sign("hello");
    EXPECT_TRUE(verify_signature(key.public_key(), "hello", signature));
    EXPECT_FALSE(verify_signature(key.public_key(), "hellO", signature));
    EXPECT_FALSE(verify_signature(NKey::generate(kind, random).public_key(), "hello", signature));
  }
}

TEST(NKey, RefusesMalformed) {
  const std::string good = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
  std::string changed = good;
  changed[20] = changed[20] == 'A' ? 'B' : 'A';
  for (const std::string& bad : {std::string(), std::string("SU"), changed, good.substr(1), good + "A",
                                 std::string("UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4")}) {
    const auto key = NKey::from_seed(bad);
    ASSERT_FALSE(key) << bad;
    EXPECT_EQ(key.error().code, Code::kInvalid);
    if (bad.size() > 8) EXPECT_THAT(key.error().message, Not(HasSubstr(bad)));
  }
  EXPECT_FALSE(parse_public_key(good));
  EXPECT_FALSE(parse_public_key("nonsense"));
  EXPECT_FALSE(verify_signature("nonsense", "a", "b"));
}

TEST(Jwt, UserOfARole) {
  SeededRandom random(3);
  const NKey account = NKey::generate(KeyKind::kAccount, random);
  const NKey role = NKey::generate(KeyKind::kAccount, random);
  const NKey user = NKey::generate(KeyKind::kUser, random);
  const auto jwt = mint(role,
                        UserToken{.name = "eu-1",
                                  .public_key = user.public_key(),
                                  .account = account.public_key(),
                                  .permissions = {},
                                  .expires = kNow + kYear},
                        kNow);
  ASSERT_TRUE(jwt) << jwt.error().message;
  const auto claims = decode(*jwt);
  ASSERT_TRUE(claims) << claims.error().message;
  EXPECT_EQ(claims->type, "user");
  EXPECT_EQ(claims->name, "eu-1");
  EXPECT_EQ(claims->subject, user.public_key());
  EXPECT_EQ(claims->issuer, role.public_key());
  EXPECT_EQ(claims->issuer_account, account.public_key());
  EXPECT_EQ(claims->issued, kNow);
  EXPECT_EQ(claims->expires, kNow + kYear);
  EXPECT_THAT(claims->json, Not(HasSubstr("\"pub\""))) << "a role's user carries no permissions";

  std::string changed = *jwt;
  changed[changed.find('.') + 10] ^= 1;
  EXPECT_FALSE(decode(changed));
  EXPECT_FALSE(decode("a.b"));
  EXPECT_FALSE(decode(""));
  EXPECT_FALSE(decode("..."));
}

TEST(Jwt, AccountWithRolesAndRevocations) {
  SeededRandom random(4);
  const NKey op = NKey::generate(KeyKind::kOperator, random);
  const NKey account = NKey::generate(KeyKind::kAccount, random);
  const NKey role = NKey::generate(KeyKind::kAccount, random);
  const NKey user = NKey::generate(KeyKind::kUser, random);
  AccountToken token{.name = "fleet", .public_key = account.public_key(), .roles = {}, .revocations = {}};
  token.roles.push_back({role.public_key(), "agent", {{"status.{{name()}}"}, {}, 2, Millis(1000)}, 16, 1024});
  token.revocations[user.public_key()] = kNow;
  const auto jwt = mint(op, token, kNow);
  ASSERT_TRUE(jwt) << jwt.error().message;
  const auto claims = decode(*jwt);
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->type, "account");
  EXPECT_EQ(claims->revocations.at(user.public_key()), kNow);
  EXPECT_THAT(claims->json, HasSubstr("status.{{name()}}"));
  EXPECT_THAT(claims->json, HasSubstr(R"("sub":{"deny":["\u003e"]})"))
      << "an empty list must not mean everything";
  EXPECT_THAT(claims->json, HasSubstr(R"("ttl":1000000000)"));
}

TEST(Jwt, KeysOfTheWrongKindAreRefused) {
  SeededRandom random(5);
  const NKey op = NKey::generate(KeyKind::kOperator, random);
  const NKey account = NKey::generate(KeyKind::kAccount, random);
  const NKey user = NKey::generate(KeyKind::kUser, random);
  EXPECT_FALSE(mint(account, OperatorToken{"o", account.public_key()}, kNow));
  EXPECT_FALSE(mint(op, OperatorToken{"o", user.public_key()}, kNow));
  EXPECT_FALSE(mint(account, AccountToken{"a", account.public_key(), {}, {}}, kNow));
  EXPECT_FALSE(mint(op, AccountToken{"a", user.public_key(), {}, {}}, kNow));
  // The account's own key must not sign a user without permissions: it could do everything.
  EXPECT_FALSE(mint(account, UserToken{"u", user.public_key(), account.public_key(), {}, {}}, kNow));
  EXPECT_FALSE(mint(op, UserToken{"u", user.public_key(), account.public_key(), {}, {}}, kNow));
}

TEST(Certificate, ChainNamesFingerprintAndExpiry) {
  const auto ca = make_ca("QleetOS hub", 10 * kYear, kNow);
  ASSERT_TRUE(ca) << ca.error().message;
  const auto info = inspect_certificate(ca->certificate_pem);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->is_ca);
  EXPECT_EQ(info->common_name, "QleetOS hub");
  EXPECT_EQ(info->not_after, kNow + 10 * kYear);
  EXPECT_THAT(info->fingerprint, MatchesRegex("[0-9a-f]{64}"));

  const auto server =
      make_server_certificate(*ca, {{"hub.example", "localhost"}, {"127.0.0.1", "::1"}}, kYear, kNow);
  ASSERT_TRUE(server) << server.error().message;
  const auto leaf = inspect_certificate(server->certificate_pem);
  ASSERT_TRUE(leaf);
  EXPECT_FALSE(leaf->is_ca);
  EXPECT_EQ(leaf->not_after, kNow + kYear);
  EXPECT_THAT(leaf->names.dns, ElementsAre("hub.example", "localhost"));
  EXPECT_THAT(leaf->names.ips, ElementsAre("127.0.0.1", "::1"));
  EXPECT_TRUE(signed_by(server->certificate_pem, ca->certificate_pem));
  EXPECT_FALSE(signed_by(server->certificate_pem, make_ca("QleetOS hub", kYear, kNow)->certificate_pem));

  // Never outlasts its CA.
  const auto late = make_server_certificate(*ca, {{"a"}, {}}, 20 * kYear, kNow);
  EXPECT_EQ(inspect_certificate(late->certificate_pem)->not_after, info->not_after);
}

TEST(Certificate, RefusesBadInput) {
  const auto ca = make_ca("a", kYear, kNow);
  const auto other = make_ca("b", kYear, kNow);
  EXPECT_THAT(make_server_certificate(*ca, {}, kYear, kNow).error().message, HasSubstr("at least one name"));
  EXPECT_THAT(make_server_certificate(*ca, {{"a,DNS:b"}, {}}, kYear, kNow).error().message,
              HasSubstr("\"a,DNS:b\" is not a DNS name"));
  EXPECT_THAT(make_server_certificate(*ca, {{}, {"1.2.3"}}, kYear, kNow).error().message,
              HasSubstr("\"1.2.3\" is not an IP address"));
  EXPECT_THAT(make_server_certificate({ca->certificate_pem, other->private_key_pem}, {{"a"}, {}}, kYear, kNow)
                  .error()
                  .message,
              HasSubstr("do not belong together"));
  EXPECT_FALSE(make_server_certificate({"x", "y"}, {{"a"}, {}}, kYear, kNow));
  EXPECT_FALSE(inspect_certificate("x"));
}

TEST(Certificate, ClientsAreSignedForTheirOwnKeyAndForClientsAlone) {
  const auto ca = *make_ca("test", std::chrono::days(3650), kNow);
  const auto key = *make_client_key();
  const auto request = *make_certificate_request(key, "whatever it says");
  const auto made = make_client_certificate(ca, request, "eu-1", std::chrono::days(30), kNow);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(signed_by(*made, ca.certificate_pem));
  EXPECT_TRUE(belong_together(*made, key));
  EXPECT_FALSE(belong_together(*made, *make_client_key()));
  EXPECT_FALSE(belong_together("", ""));
  const auto info = *inspect_certificate(*made);
  EXPECT_EQ(info.common_name, "eu-1") << "the hub says who it is";
  EXPECT_TRUE(info.for_clients);
  EXPECT_FALSE(info.for_servers);
  EXPECT_FALSE(info.is_ca);
  EXPECT_TRUE(info.names.dns.empty());
  EXPECT_EQ(info.not_after, std::chrono::floor<std::chrono::seconds>(kNow + std::chrono::days(30)));
  const auto server = *make_server_certificate(ca, {{"a"}, {}}, std::chrono::days(1), kNow);
  EXPECT_TRUE(inspect_certificate(server.certificate_pem)->for_servers);
  EXPECT_FALSE(inspect_certificate(server.certificate_pem)->for_clients);

  const auto refused = [&](const std::string& asked) {
    const auto answer = make_client_certificate(ca, asked, "x", std::chrono::days(1), kNow);
    return answer ? "" : answer.error().message;
  };
  EXPECT_EQ(refused("nonsense"), "not a certificate signing request in PEM form");
  EXPECT_EQ(refused(std::string(100'000, 'x')), "the certificate signing request is too large");
  // One byte of the signature, which is at the end.
  std::string torn = request;
  const auto at = torn.find("\n-----END") - 8;
  torn[at] = torn[at] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(refused(torn).empty());
  EXPECT_EQ(check_certificate_request(torn).error().message, refused(torn));
  EXPECT_TRUE(check_certificate_request(request));
  EXPECT_FALSE(make_client_certificate({"", ""}, request, "x", std::chrono::days(1), kNow));
}

TEST(Certificate, IsRenewedInTheLastThirdOrWhereItIsNotGoodYet) {
  const CertificateInfo info{.common_name = {},
                             .fingerprint = {},
                             .not_before = kNow,
                             .not_after = kNow + std::chrono::days(90),
                             .names = {}};
  EXPECT_FALSE(renewal_due(info, kNow));
  EXPECT_FALSE(renewal_due(info, kNow + std::chrono::days(59)));
  EXPECT_TRUE(renewal_due(info, kNow + std::chrono::days(61)));
  EXPECT_TRUE(renewal_due(info, kNow - Millis(1))) << "the clock was ahead";
  EXPECT_FALSE(renewal_due(info, kNow + std::chrono::days(61), info.not_after)) << "it ends with its CA";
  EXPECT_TRUE(good_at(info, kNow));
  EXPECT_FALSE(good_at(info, kNow - Millis(1)));
  EXPECT_FALSE(good_at(info, info.not_after));
}

TEST(PrivateFile, ModeReplaceAndCreate) {
  const Folder folder;
  const auto path = folder / "deep/key";
  EXPECT_EQ(read_private_file(path).error().code, Code::kNotFound);
  ASSERT_TRUE(write_private_file(path, "one"));
  struct stat status{};
  stat(path.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  stat(path.parent_path().c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ASSERT_TRUE(write_private_file(path, "two"));
  EXPECT_EQ(create_private_file(path, "three").error().code, Code::kExists);
  EXPECT_EQ(read_private_file(path), "two");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}), 1) << "no leftovers";
  chmod(path.c_str(), 0644);
  EXPECT_EQ(read_private_file(path).error().code, Code::kDenied);
  EXPECT_THAT(read_private_file(path).error().message, HasSubstr("chmod 600"));
}

TEST(Sealed, RoundTripAndTampering) {
  const Folder folder;
  SystemRandom random;
  const auto sealer = Sealer::open_or_create(folder / "key", random);
  ASSERT_TRUE(sealer) << sealer.error().message;
  const std::string box = sealer->seal("a password", "resource/1");
  EXPECT_THAT(box, Not(HasSubstr("password")));
  EXPECT_NE(box, sealer->seal("a password", "resource/1"));
  EXPECT_EQ(sealer->open(box, "resource/1"), "a password");
  EXPECT_EQ(sealer->open(box, "resource/2").error().code, Code::kInvalid);
  for (std::size_t i = 0; i < box.size(); ++i) {
    std::string changed = box;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(sealer->open(changed, "resource/1")) << i;
  }
  EXPECT_FALSE(sealer->open(box.substr(0, box.size() - 1), "resource/1"));
  EXPECT_FALSE(sealer->open("", ""));
  EXPECT_EQ(sealer->open(sealer->seal("", ""), ""), "");

  const auto again = Sealer::open_or_create(folder / "key", random);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->open(box, "resource/1"), "a password");
}

TEST(Sealed, Rotation) {
  const Folder folder;
  SystemRandom random;
  const auto before = Sealer::open_or_create(folder / "key", random);
  const std::string old_box = before->seal("x", "a");
  ASSERT_TRUE(Sealer::rotate(folder / "key", random));
  const auto after = Sealer::open_or_create(folder / "key", random);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->open(old_box, "a"), "x");
  EXPECT_TRUE(after->outdated(old_box));
  const std::string new_box = after->seal("x", "a");
  EXPECT_FALSE(after->outdated(new_box));
  EXPECT_EQ(before->open(new_box, "a").error().code, Code::kNotFound);
}

TEST(SealedBox, OnlyTheHolderOpensIt) {
  SystemRandom random;
  const auto agent = make_box_keys(random);
  const auto other = make_box_keys(random);
  EXPECT_EQ(box_public_key(agent.private_key), agent.public_key);
  const auto box = seal_box("a password", agent.public_key, "secret/stripe", random);
  ASSERT_TRUE(box) << box.error().message;
  EXPECT_THAT(*box, Not(HasSubstr("password")));
  EXPECT_NE(*box, *seal_box("a password", agent.public_key, "secret/stripe", random));
  EXPECT_EQ(open_box(*box, agent.private_key, "secret/stripe"), "a password");
  EXPECT_EQ(open_box(*box, agent.private_key, "secret/other").error().code, Code::kInvalid);
  EXPECT_FALSE(open_box(*box, other.private_key, "secret/stripe"));
  EXPECT_FALSE(open_box(*box, "short", "secret/stripe"));
  for (std::size_t i = 0; i < box->size(); ++i) {
    std::string changed = *box;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(open_box(changed, agent.private_key, "secret/stripe")) << i;
    EXPECT_FALSE(open_box(box->substr(0, i), agent.private_key, "secret/stripe")) << i;
  }
  EXPECT_EQ(open_box(*seal_box("", agent.public_key, "", random), agent.private_key, ""), "");
  EXPECT_EQ(seal_box("x", "short", "", random).error().code, Code::kInvalid);
  EXPECT_EQ(seal_box("x", std::string(32, '\0'), "", random).error().code, Code::kInvalid)
      << "with this one nothing secret is agreed";
}

TEST(Sealed, KeysFromElsewhere) {
  const Folder folder;
  SystemRandom random;
  const auto file = Sealer::open_or_create(folder / "key", random);
  const auto text = Sealer::of_keys("the vault", *read_private_file(folder / "key"), random);
  ASSERT_TRUE(text);
  EXPECT_EQ(text->open(file->seal("x", "a"), "a"), "x");
  EXPECT_EQ(Sealer::of_keys("the vault", "oops", random).error().message,
            "the vault: line 1 is not a key (\"qleet-key-1 <43 characters>\")");
  EXPECT_TRUE(Sealer::is_box(file->seal("", "")));
  EXPECT_FALSE(Sealer::is_box("x"));
}

TEST(Sealed, RefusesABadKeyFile) {
  const Folder folder;
  SystemRandom random;
  ASSERT_TRUE(write_private_file(folder / "key", "qleet-key-1 short\n"));
  EXPECT_THAT(Sealer::open_or_create(folder / "key", random).error().message,
              HasSubstr("line 1 is not a key"));
  ASSERT_TRUE(write_private_file(folder / "key", ""));
  EXPECT_THAT(Sealer::open_or_create(folder / "key", random).error().message, HasSubstr("holds no key"));
}

}  // namespace
}  // namespace qleet::crypto
