// The hub's certificates over months, with a clock that a test turns; and a fleet that begins without
// certificates for agents.
#include "hub/assembly/certificates.h"

#include "common/crypto/private_file.h"
#include "hub/broker/advisories.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "tests/integration/broker_fixture.h"

namespace qleet::hub {
namespace {

// Its wall clock can be turned; waiting takes the time that it takes.
class TurnedClock final : public Clock {
 public:
  WallTime wall() const override { return system_.wall() + Millis(turned_); }
  MonoTime mono() const override { return system_.mono(); }
  void turn(Millis by) { turned_ += by.count(); }

 private:
  SystemClock system_;
  std::atomic<Millis::rep> turned_ = 0;
};

class HubCertificates : public ::testing::Test {
 protected:
  void start(bool required = true) {
    pki_ = *api::open_pki(pki_options_, clock_);
    auto broker = Broker::start({.folder = folder_ / "broker",
                                 .host = "127.0.0.1",
                                 .ca = pki_.ca,
                                 .names = {{}, {"127.0.0.1"}},
                                 .client_certificates = required},
                                random_, clock_);
    ASSERT_TRUE(broker) << broker.error().message;
    broker_ = *std::move(broker);
    certificates_ = std::make_unique<Certificates>(
        CertificateOptions{pki_options_, ClientCertificates::kAuto, folder_ / "broker"}, pki_, *broker_,
        context_, [this](const crypto::CertifiedKey& server) -> Result<> {
          served_.push_back(server);
          return {};
        });
  }
  double gauge(const std::string& name, const std::string& certificate = "") {
    for (const auto& gauge : certificates_->gauges())
      if (gauge.name == name && (certificate.empty() || gauge.labels.at("certificate") == certificate))
        return gauge.value();
    ADD_FAILURE() << name << " " << certificate;
    return -1;
  }
  double days(const std::string& certificate) { return gauge("qleet_hub_certificate_days", certificate); }
  bool good_now(const std::string& pem) const {
    const auto info = crypto::inspect_certificate(pem);
    return info && crypto::good_at(*info, clock_.wall());
  }
  std::string broker_certificate() const { return *crypto::read_private_file(folder_ / "broker/tls.crt"); }

  v1::Agent put_agent(const std::string& name) {
    v1::Agent agent;
    agent.mutable_metadata()->set_name(name);
    agent.mutable_spec()->set_public_key("U" + name);
    const qleet::hub::Random random = system_random();
    EXPECT_TRUE(store_.transact([&](Txn& txn) -> Result<> {
      TRY(objects::put(txn, agent, {.now = clock_.wall(), .random = random}));
      return {};
    }));
    return agent;
  }

  test::TempDir folder_;
  TurnedClock clock_;
  crypto::SystemRandom random_;
  MemoryStore store_;
  frontend::Context context_{store_, clock_};
  api::PkiOptions pki_options_{.directory = folder_ / "tls", .names = {{"hub.example"}, {}}};
  api::Pki pki_;
  std::unique_ptr<Broker> broker_;
  std::vector<crypto::CertifiedKey> served_;
  std::unique_ptr<Certificates> certificates_;
};

TEST_F(HubCertificates, AHubThatRunsForYearsGoesOnServing) {
  start();
  certificates_->step();
  EXPECT_TRUE(served_.empty());
  EXPECT_NEAR(days("api"), 397, 1);
  EXPECT_NEAR(days("broker"), 90, 1);
  EXPECT_NEAR(days("ca"), 3650, 1);
  std::string api = pki_.server.certificate_pem;
  const auto shown = broker_->hub_options()->tls_certificate_pem;
  for (int day = 0; day < 800; day += 5) {
    clock_.turn(std::chrono::days(5));
    certificates_->step();
    if (!served_.empty()) api = served_.back().certificate_pem;
    ASSERT_TRUE(good_now(api)) << day;
    ASSERT_TRUE(good_now(broker_certificate())) << day;
    ASSERT_TRUE(good_now(broker_->hub_options()->tls_certificate_pem)) << day;
    ASSERT_GE(days("api"), 25) << day;
    ASSERT_GE(days("broker"), 25) << day;
  }
  EXPECT_EQ(served_.size(), 2U) << "and no more than is needed";
  EXPECT_NE(broker_->hub_options()->tls_certificate_pem, shown);
}

TEST_F(HubCertificates, WhatAClockMadeThatWasAheadIsMadeAnewOnceItIsRight) {
  start();
  clock_.turn(std::chrono::days(500));
  certificates_->step();
  ASSERT_EQ(served_.size(), 1U);
  clock_.turn(-std::chrono::days(500));
  EXPECT_EQ(days("api"), 0);
  certificates_->step();
  ASSERT_EQ(served_.size(), 2U);
  EXPECT_TRUE(good_now(served_.back().certificate_pem));
  EXPECT_TRUE(good_now(broker_certificate()));
  EXPECT_TRUE(good_now(broker_->hub_options()->tls_certificate_pem));
  EXPECT_NEAR(days("api"), 397, 1);
  // And agents are taken, without a restart.
  IoThread io(clock_);
  const auto bus = *LightNatsBus::start(*broker_->hub_options(), io.loop());
  EXPECT_TRUE(bus->wait_connected(kSoon));
}

TEST_F(HubCertificates, TheSameAtTheNextStart) {
  clock_.turn(std::chrono::days(100));
  start();
  clock_.turn(-std::chrono::days(50));
  certificates_.reset();
  broker_.reset();
  // The CA of a first start with such a clock is kept, as agents may know it; servers' certificates are not.
  start();
  EXPECT_LT(crypto::inspect_certificate(broker_certificate())->not_before, clock_.wall());
}

TEST_F(HubCertificates, GivenFilesAreReadAgainWhenTheyChange) {
  const auto made = *api::open_pki({.directory = folder_ / "elsewhere", .names = {}}, clock_);
  const auto write = [&](const crypto::CertifiedKey& server) {
    ASSERT_TRUE(crypto::write_private_file(folder_ / "c.pem", server.certificate_pem));
    ASSERT_TRUE(crypto::write_private_file(folder_ / "k.pem", server.private_key_pem));
  };
  write(made.server);
  ASSERT_TRUE(crypto::write_private_file(folder_ / "ca.pem", made.ca.certificate_pem));
  start();
  pki_options_ = {.directory = folder_ / "none",
                  .names = {},
                  .certificate_file = folder_ / "c.pem",
                  .key_file = folder_ / "k.pem",
                  .ca_file = folder_ / "ca.pem"};
  Certificates given({pki_options_, ClientCertificates::kAuto, folder_ / "broker"},
                     *api::open_pki(pki_options_, clock_), *broker_, context_,
                     [this](const crypto::CertifiedKey& server) -> Result<> {
                       served_.push_back(server);
                       return {};
                     });
  given.step();
  EXPECT_TRUE(served_.empty());
  const auto next =
      *crypto::make_server_certificate(made.ca, {{"localhost"}, {}}, std::chrono::days(30), clock_.wall());
  // Half of it: what is served stays.
  ASSERT_TRUE(crypto::write_private_file(folder_ / "c.pem", next.certificate_pem));
  given.step();
  EXPECT_TRUE(served_.empty());
  write(next);
  given.step();
  ASSERT_EQ(served_.size(), 1U);
  EXPECT_EQ(served_[0].certificate_pem, next.certificate_pem);
  given.step();
  EXPECT_EQ(served_.size(), 1U);
}

TEST_F(HubCertificates, ACaThatVanishesWhileTheHubRunsIsNotMadeAnew) {
  start();
  std::filesystem::rename(folder_ / "tls", folder_ / "away");
  certificates_->step();
  EXPECT_FALSE(std::filesystem::exists(folder_ / "tls/ca.pem"));
  EXPECT_TRUE(served_.empty());
  (void)*api::open_pki(pki_options_, clock_);
  certificates_->step();
  EXPECT_TRUE(served_.empty()) << "nor is another one served";
  std::filesystem::remove_all(folder_ / "tls");
  std::filesystem::rename(folder_ / "away", folder_ / "tls");
  clock_.turn(std::chrono::days(380));
  certificates_->step();
  EXPECT_EQ(served_.size(), 1U);
}

TEST_F(HubCertificates, AFleetFromBeforeIsServedUntilEachAgentHasACertificate) {
  const auto required = [&](ClientCertificates wanted = ClientCertificates::kAuto) {
    return *certificates_required(wanted, folder_ / "broker", context_);
  };
  const auto eu = put_agent("eu");
  auto us = put_agent("us");
  EXPECT_FALSE(required());
  EXPECT_TRUE(required(ClientCertificates::kRequired));
  start(false);
  certificates_->step();
  EXPECT_FALSE(broker_->client_certificates_required());
  EXPECT_EQ(gauge("qleet_hub_broker_client_certificates_required"), 0);
  EXPECT_EQ(gauge("qleet_hub_agents_without_certificate"), 2);
  ASSERT_TRUE(frontend::note_certificate(context_, eu));
  certificates_->step();
  EXPECT_FALSE(broker_->client_certificates_required());
  ASSERT_TRUE(frontend::note_certificate(context_, us));
  certificates_->step();
  EXPECT_TRUE(broker_->client_certificates_required());
  EXPECT_EQ(gauge("qleet_hub_broker_client_certificates_required"), 1);

  // Once it was so it stays so, whoever comes; unless it is said.
  put_agent("asia");
  EXPECT_TRUE(required());
  EXPECT_FALSE(required(ClientCertificates::kOptional));
}

TEST_F(HubCertificates, ANewHubTakesNobodyWithout) {
  EXPECT_TRUE(*certificates_required(ClientCertificates::kAuto, folder_ / "broker", context_));
}

TEST_F(HubCertificates, SaysWhichKnownFaultsItsNatsServerHas) {
  start();
  certificates_->step();
  EXPECT_EQ(gauge("qleet_hub_nats_server_advisories"),
            static_cast<double>(advisories_of(broker_->server()->version()).size()));
}

}  // namespace
}  // namespace qleet::hub
