// Certificates of agents, with the real binaries.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

class CertificatesOfAgents : public NoopFleet {
 protected:
  std::filesystem::path identity(const std::string& file) const {
    return fleet.agent_state("local-1") / "identity" / file;
  }
  static std::string contents(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool connected() const {
    return until([&] { return fleet.get("agents", "local-1")["status.state"].str() == "Connected"; }, 60s);
  }
  bool lost() const {
    return until([&] { return fleet.get("agents", "local-1")["status.state"].str() == "Lost"; }, 60s);
  }
};

TEST_F(CertificatesOfAgents, AnAgentWithoutOneGetsItOverTheApi) {
  fleet.add_agent({.name = "local-1"});
  fleet.apply(shop());
  ASSERT_TRUE(settled()) << fleet.unsettled();
  EXPECT_TRUE(std::filesystem::exists(identity("tls.crt"))) << "enrolled with it";
  const auto before = world();

  // As an agent of the version before: neither key nor certificate.
  fleet.stop_agent("local-1");
  ASSERT_TRUE(lost());
  std::filesystem::remove(identity("tls.crt"));
  std::filesystem::remove(identity("tls.key"));
  fleet.start_agent("local-1");
  ASSERT_TRUE(connected());
  EXPECT_FALSE(contents(identity("tls.crt")).empty());
  ASSERT_TRUE(settled()) << fleet.unsettled();
  const auto after = world();
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [name, made] : before) EXPECT_EQ(after.at(name).changes, made.changes) << name;

  // One that is damaged.
  fleet.stop_agent("local-1");
  ASSERT_TRUE(lost());
  const auto good = contents(identity("tls.crt"));
  {
    std::ofstream damaged(identity("tls.crt"), std::ios::binary);
    damaged << good.substr(0, good.size() / 2);
  }
  fleet.start_agent("local-1");
  ASSERT_TRUE(connected());
  EXPECT_NE(contents(identity("tls.crt")), good);
}

TEST_F(CertificatesOfAgents, AFleetFromBeforeIsServedAndCertificatesAreRequiredOnceEachAgentHasOne) {
  const auto mark = fleet.hub_state() / "broker/client-certificates";
  EXPECT_TRUE(std::filesystem::exists(mark)) << "a new hub takes nobody without";
  // An agent that asks for none is not known to have one.
  fleet.stop_hub();
  fleet.use_hub_arguments({"--nats-client-certificates", "optional"});
  std::filesystem::remove(mark);
  fleet.start_hub();
  fleet.add_agent({.name = "local-1"});
  EXPECT_EQ(contents(fleet.hub_state() / "broker/nats.conf").find("verify: true"), std::string::npos);
  fleet.stop_hub();
  fleet.use_hub_arguments({});
  fleet.start_hub();
  EXPECT_TRUE(until([&] { return std::filesystem::exists(mark); }, 90s));
  EXPECT_NE(contents(fleet.hub_state() / "broker/nats.conf").find("verify: true"), std::string::npos);
  ASSERT_TRUE(connected());
  fleet.apply(shop());
  ASSERT_TRUE(settled()) << fleet.unsettled();
}

}  // namespace
}  // namespace qleet::test
