// When an agent asks for a certificate for the bus, and what it does with it.
#include "agent/enrol/certificate_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <google/protobuf/util/json_util.h>

#include <filesystem>
#include <vector>

#include "common/crypto/certificate.h"
#include "common/crypto/nkey.h"
#include "common/crypto/private_file.h"
#include "common/sync/certificate_proof.h"
#include "tests/support/http_server.h"
#include "tests/support/temp_dir.h"

namespace qleet::agent {
namespace {

class KeeperTest : public ::testing::Test {
 protected:
  KeeperTest() {
    stored.identity.set_name("eu-1");
    stored.identity.set_region("eu");
    stored.identity.set_nats_ca(ca.certificate_pem);
    stored.tls_key = *crypto::make_client_key();
    const auto key = crypto::NKey::generate(crypto::KeyKind::kUser, random);
    EXPECT_TRUE(crypto::write_private_file(folder / "identity/agent.seed", key.seed()));
    EXPECT_TRUE(crypto::write_private_file(folder / "identity/owner", "eu-1.x"));
    EXPECT_TRUE(crypto::write_private_file(folder / "identity/tls.key", stored.tls_key));
    EXPECT_TRUE(store_identity(folder.path(), stored.identity));
  }

  std::string certificate(WallTime made, const std::string& key) const {
    return *crypto::make_client_certificate(ca, *crypto::make_certificate_request(key, "eu-1"), "eu-1",
                                            std::chrono::days(30), made);
  }

  CertificateKeeper keeper() {
    return {folder.path(),
            stored,
            clock,
            jitter,
            [this](const qleet::v1::CertificateRequest& request,
                   const std::stop_token&) -> Result<qleet::v1::CertificateResult> {
              asked.push_back(request);
              if (!refusal.empty()) return fail(Code::kUnavailable, refusal);
              qleet::v1::CertificateResult result;
              result.set_certificate(*crypto::make_client_certificate(ca, request.tls_request(), "eu-1",
                                                                      std::chrono::days(30), clock.wall()));
              result.set_ca(bus_ca.empty() ? ca.certificate_pem : bus_ca);
              return result;
            },
            [this](const std::string& ca_pem, const std::string& certificate_pem) -> Result<> {
              used.emplace_back(ca_pem, certificate_pem);
              return {};
            }};
  }
  // As a LoopThread would, for so long.
  void run(CertificateKeeper& keeper, Millis time) {
    const MonoTime end = clock.mono() + time;
    while (true) {
      const MonoTime due = keeper.step();
      if (due >= end) break;
      clock.advance(std::max(due - clock.mono(), Millis(1)));
    }
    if (clock.mono() < end) clock.advance(end - clock.mono());
  }

  test::TempDir folder;
  ManualClock clock;
  SeededRandom jitter{1};
  crypto::SeededRandom random{1};
  crypto::CertifiedKey ca = *crypto::make_ca("test", std::chrono::days(3650), clock.wall());
  StoredIdentity stored;
  std::string refusal;
  std::string bus_ca;
  std::vector<qleet::v1::CertificateRequest> asked;
  std::vector<std::pair<std::string, std::string>> used;
};

TEST_F(KeeperTest, AnAgentFromBeforeThereWereCertificatesAsksAtItsFirstStart) {
  auto made = keeper();
  run(made, std::chrono::hours(10));
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].agent(), "eu-1");
  ASSERT_EQ(used.size(), 1U);
  const auto loaded = load_identity(folder.path(), random);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(loaded->identity.nats_client_certificate(), used[0].second);
  EXPECT_TRUE(crypto::belong_together(used[0].second, loaded->tls_key));
  // The version before reads this file strictly.
  EXPECT_THAT(*crypto::read_private_file(folder / "identity/identity.json"),
              ::testing::Not(::testing::HasSubstr("ertificate")));
}

TEST_F(KeeperTest, OneThatIsGoodIsKeptAndRenewedWellBeforeItsEnd) {
  stored.identity.set_nats_client_certificate(certificate(clock.wall(), stored.tls_key));
  auto made = keeper();
  made.bus_is(BusState::kConnected);
  run(made, std::chrono::days(19));
  EXPECT_TRUE(asked.empty());
  run(made, std::chrono::days(2));
  EXPECT_EQ(asked.size(), 1U);
  run(made, std::chrono::days(365));
  EXPECT_NEAR(static_cast<double>(asked.size()), 365 / 20.0, 2);
  for (const auto& [_, pem] : used) EXPECT_TRUE(crypto::belong_together(pem, stored.tls_key));
}

TEST_F(KeeperTest, AClockThatWasAheadLeavesNoAgentOutside) {
  stored.identity.set_nats_client_certificate(
      certificate(clock.wall() + std::chrono::days(400), stored.tls_key));
  auto made = keeper();
  run(made, std::chrono::minutes(1));
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(KeeperTest, AsksWhenTheBusDoesNotTakeItAndNotAgainAndAgain) {
  stored.identity.set_nats_client_certificate(certificate(clock.wall(), stored.tls_key));
  auto made = keeper();
  made.bus_is(BusState::kConnected);
  run(made, std::chrono::minutes(1));
  EXPECT_TRUE(asked.empty());
  made.bus_is(BusState::kRefused);
  run(made, Millis(100));
  EXPECT_EQ(asked.size(), 1U);
  // A revoked agent is refused with any certificate.
  for (int i = 0; i < 24 * 60; ++i) {
    made.bus_is(BusState::kRefused);
    run(made, std::chrono::minutes(1));
  }
  EXPECT_LT(asked.size(), 120U);
  EXPECT_GT(asked.size(), 24U);
}

TEST_F(KeeperTest, ARefusalThatGotLostIsMadeUpForByBeingAway) {
  stored.identity.set_nats_client_certificate(certificate(clock.wall(), stored.tls_key));
  auto made = keeper();
  made.bus_is(BusState::kConnected);
  made.bus_is(BusState::kDisconnected);
  run(made, std::chrono::seconds(50));
  EXPECT_TRUE(asked.empty()) << "a broker that starts anew";
  run(made, std::chrono::seconds(30));
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(KeeperTest, WhatTheHubRefusesIsAskedAgainMoreAndMoreSeldom) {
  refusal = "the hub is away";
  auto made = keeper();
  run(made, std::chrono::hours(24));
  EXPECT_LT(asked.size(), 120U);
  EXPECT_GT(asked.size(), 40U);
  EXPECT_TRUE(used.empty());
  // A hub that is back may be a newer one.
  refusal.clear();
  asked.clear();
  made.bus_is(BusState::kConnected);
  run(made, std::chrono::seconds(1));
  EXPECT_EQ(asked.size(), 1U);
  EXPECT_EQ(used.size(), 1U);
}

TEST_F(KeeperTest, ACertificateOfAnotherKeyIsNotTaken) {
  const auto other = certificate(clock.wall(), *crypto::make_client_key());
  CertificateKeeper made(
      folder.path(), stored, clock, jitter,
      [&](const qleet::v1::CertificateRequest&,
          const std::stop_token&) -> Result<qleet::v1::CertificateResult> {
        qleet::v1::CertificateResult result;
        result.set_certificate(other);
        return result;
      },
      [this](const std::string&, const std::string& pem) -> Result<> {
        used.emplace_back("", pem);
        return {};
      });
  run(made, std::chrono::seconds(1));
  EXPECT_TRUE(used.empty());
  EXPECT_FALSE(std::filesystem::exists(folder / "identity/tls.crt"));
}

TEST_F(KeeperTest, AnotherCaOfTheBusIsKept) {
  bus_ca = crypto::make_ca("next", std::chrono::days(3650), clock.wall())->certificate_pem;
  auto made = keeper();
  run(made, std::chrono::seconds(1));
  ASSERT_EQ(used.size(), 1U);
  EXPECT_EQ(used[0].first, bus_ca);
  EXPECT_EQ(load_identity(folder.path(), random)->identity.nats_ca(), bus_ca);
}

TEST_F(KeeperTest, AStoredCertificateThatIsDamagedIsLeftAside) {
  ASSERT_TRUE(store_certificate(folder.path(), "half a certif"));
  const auto loaded = load_identity(folder.path(), random);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->identity.nats_client_certificate(), "");
}

// The folder holds the key of the journal, too: nobody is told to remove it.
TEST_F(KeeperTest, AnIdentityThatIsDamagedIsRemovedAlone) {
  ASSERT_TRUE(crypto::write_private_file(folder / "identity/identity.json", "{half"));
  const auto loaded = load_identity(folder.path(), random);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().message, (folder / "identity/identity.json").string() +
                                        " is damaged; remove this file alone, and enrol again");
}

// What a hub answers, over HTTP.
class AskHub : public ::testing::Test {
 protected:
  AskHub() {
    stored.identity.set_name("eu-1");
    stored.seed = key.seed();
  }
  // Each answer is used once.
  Result<qleet::v1::CertificateResult> ask(std::vector<std::string> answers) {
    testing::HttpServer server([&](const testing::HttpRequest& request, const testing::HttpWrite& write) {
      targets.push_back(request.target);
      google::protobuf::util::JsonParseOptions strict;
      EXPECT_TRUE(
          google::protobuf::util::JsonStringToMessage(request.body, &heard.emplace_back(), strict).ok());
      const auto answer = answers.front();
      answers.erase(answers.begin());
      return write(answer);
    });
    stored.identity.set_hub_url(server.url(""));
    qleet::v1::CertificateRequest request;
    request.set_agent("eu-1");
    request.set_tls_request("mine");
    return ask_hub(stored, clock)(request, std::stop_token());
  }
  bool signed_well(const qleet::v1::CertificateRequest& request) const {
    return crypto::verify_signature(
        key.public_key(), certificate_proof("eu-1", "mine", request.time().seconds()), request.signature());
  }

  // 14 November 2023, 22:13:20.
  ManualClock clock;
  crypto::SeededRandom random{1};
  crypto::NKey key = crypto::NKey::generate(crypto::KeyKind::kUser, random);
  StoredIdentity stored;
  std::vector<std::string> targets;
  std::vector<qleet::v1::CertificateRequest> heard;
};

TEST_F(AskHub, SignsWhatItAsks) {
  const auto given = ask({testing::simple(201, R"({"certificate":"c","ca":"a","more":"later"})")});
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ(given->certificate(), "c");
  EXPECT_EQ(given->ca(), "a");
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(targets[0], "/v1/agents/eu-1/certificate");
  EXPECT_TRUE(signed_well(heard[0]));
  EXPECT_EQ(heard[0].time().seconds(), 1'700'000'000);
}

TEST_F(AskHub, AnAgentWhoseClockIsWrongAsksByTheHubs) {
  const auto refused = testing::simple(422, R"({"code":"Invalid","detail":"time: ..."})",
                                       "Date: Thu, 16 Nov 2023 22:13:20 GMT\r\n");
  const auto given = ask({refused, testing::simple(201, R"({"certificate":"c"})")});
  ASSERT_TRUE(given) << given.error().message;
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[1].time().seconds(), 1'700'000'000 + 2 * 24 * 3600);
  EXPECT_TRUE(signed_well(heard[1]));
}

TEST_F(AskHub, ARefusalForAnotherReasonIsOne) {
  const auto refused = ask({testing::simple(403, R"({"code":"Denied","detail":"it is revoked"})",
                                            "Date: Tue, 14 Nov 2023 22:13:25 GMT\r\n")});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, ::testing::HasSubstr("it is revoked"));
  EXPECT_EQ(heard.size(), 1U);
  const auto old = ask({testing::simple(404, "{}")});
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace qleet::agent
