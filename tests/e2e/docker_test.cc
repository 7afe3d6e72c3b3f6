// The shop through the whole chain with Docker as the agent's container engine: delivered, updated, repaired,
// followed over restarts of the daemon, and taken away.
#include <fstream>
#include <iterator>

#include "tests/e2e/container_fleet.h"

namespace qleet::test {
namespace {

namespace fs = std::filesystem;

class DockerShop : public ContainerFleet {
 protected:
  void SetUp() override {
    ContainerFleet::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    if (engine_under_test() != "docker") GTEST_SKIP() << "QLEET_TEST_ENGINE is not docker";
  }
  static void order() {
    const auto posted = run({"curl", "-fsS", "-m", "10", "-X", "POST", "-o", "/dev/null",
                             "http://127.0.0.1:" + std::to_string(port()) + "/orders"});
    EXPECT_EQ(posted.exit, 0) << posted.err;
  }
};

// What `qleet logs -f` prints of the shop, which says "listening" with each start of a replica.
class Followed {
 public:
  explicit Followed(const fs::path& folder)
      : log_(folder / "followed.log"),
        process_({QLEET_BIN "/qleet", "logs", "shop", "web", "-f", "--no-prefix"}, log_,
                 {{"QLEET_CONFIG", folder / "config.yaml"}}) {}
  ~Followed() { process_.stop(); }
  bool runs() { return process_.running(); }
  std::string text() const {
    std::ifstream in(log_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  long starts() const {
    const std::string all = text();
    long count = 0;
    for (auto at = all.find("listening"); at != std::string::npos; at = all.find("listening", at + 1))
      ++count;
    return count;
  }
  // At least so many more than were there.
  bool tells_of(long more) {
    const bool told = until([&] { return starts() >= seen_ + more; }, 60s);
    seen_ = starts();
    return told;
  }

 private:
  fs::path log_;
  Child process_;
  long seen_ = 0;
};

TEST_F(DockerShop, IsDeliveredUpdatedRepairedAndTakenAway) {
  up(QLEET_TOP "/examples/shop/shop.yaml");
  ASSERT_TRUE(answers("localhost", "/", "Welcome to the shop"));
  order();
  ASSERT_TRUE(answers("localhost", "/", "Orders so far: <b>1</b>"));
  Followed followed(fleet().folder());
  EXPECT_TRUE(followed.tells_of(2)) << followed.text();

  const std::vector<std::string> untouched{"postgres", "redis", "router"};
  const auto before = started(untouched);
  EXPECT_EQ(before.size(), 3u) << ::testing::PrintToString(containers());
  SteadyClient client(port(), "localhost", {"Welcome to the shop", "A page from main-2"});
  ASSERT_TRUE(until([&] { return client.requests() > 50; }));
  const std::string image = build_shop("main-2", "A page from main-2");
  const auto told = fleet().qleet({"build", "notify", "--image", image, "--wait", "--timeout", "1m"});
  EXPECT_EQ(told.exit, 0) << told.out << told.err;
  ASSERT_TRUE(answers("localhost", "/", "A page from main-2"));
  const Asked asked = client.stop();
  EXPECT_TRUE(asked.failures.empty()) << asked.text();
  EXPECT_EQ(started(untouched), before);
  EXPECT_TRUE(followed.tells_of(2)) << followed.text();

  const auto redis = started({"redis"});
  ASSERT_EQ(redis.size(), 1u);
  EXPECT_EQ(engine({"rm", "--force", redis.begin()->first}).exit, 0);
  EXPECT_TRUE(until([&] { return started({"redis"}).contains(redis.begin()->first); }, 40s));
  EXPECT_TRUE(answers("localhost", "/", "Orders so far: <b>1</b>", 40s));
  ASSERT_TRUE(until([] { return fleet().unsettled().empty(); }, 40s)) << fleet().unsettled();

  // A daemon that lets containers go on: nothing is made anew.
  const auto all = started({"."});
  std::string why;
  ASSERT_TRUE(docker().restart(true, why)) << why;
  EXPECT_TRUE(answers("localhost", "/", "Orders so far: <b>1</b>"));
  ASSERT_TRUE(until([] { return fleet().unsettled().empty(); }, 40s)) << fleet().unsettled();
  EXPECT_EQ(started({"."}), all);
  const auto webs = started({"shop-workload-web"});
  ASSERT_EQ(webs.size(), 2u) << ::testing::PrintToString(containers());
  EXPECT_EQ(engine({"rm", "--force", webs.begin()->first}).exit, 0);
  EXPECT_TRUE(followed.tells_of(1)) << followed.text();

  // One that ends them all: they come back, with their data.
  ASSERT_TRUE(docker().restart(false, why)) << why;
  EXPECT_TRUE(answers("localhost", "/", "Orders so far: <b>1</b>", 60s));
  ASSERT_TRUE(until([] { return fleet().unsettled().empty(); }, 60s)) << fleet().unsettled();
  EXPECT_TRUE(followed.tells_of(2)) << followed.text();
  EXPECT_TRUE(followed.runs());

  const auto gone = fleet().qleet({"delete", "app", "shop", "--wait", "--timeout", "1m"});
  EXPECT_EQ(gone.exit, 0) << gone.out << gone.err;
  EXPECT_TRUE(nothing_left());
}

}  // namespace
}  // namespace qleet::test
