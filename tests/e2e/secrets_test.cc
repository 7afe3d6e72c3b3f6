// Databases and the secrets that open them, on real containers: away and back, made wrong, and lost.
#include <fstream>
#include <iterator>

#include "tests/e2e/container_fleet.h"

namespace qleet::test {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

class Secrets : public ContainerFleet {
 protected:
  void SetUp() override {
    ContainerFleet::SetUp();
    // The shipped one, on a volume that outlives it.
    std::ifstream in(QLEET_TOP "/profiles/postgres.yaml");
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    std::string held = all.substr(0, all.find("\n---\n"));
    held = replaced(held, "name: postgres-container", "name: postgres-held");
    held = replaced(held, "satisfies: {type: postgres}", "satisfies: {type: postgres, class: held}");
    held = replaced(held, "data: {type: volume,", "data: {type: volume, class: retained,");
    fleet().apply(held + "\n");
  }
  void TearDown() override {
    fleet().qleet({"delete", "app", "ledger"});
    EXPECT_TRUE(until(
        [] {
          fleet().qleet({"delete", "resource", volume});
          return fleet().state_of(volume).empty();
        },
        40s));
    ContainerFleet::TearDown();
  }

  void up() {
    ContainerFleet::up([] {
      const auto file = fleet().folder() / "ledger.yaml";
      std::ofstream(file) << R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: ledger}
spec:
  workloads:
    web:
      score:
        containers:
          web:
            image: localhost/shop/web:main-1
            variables:
              DATABASE_URL: postgres://${resources.db.username}:${resources.db.password}@${resources.db.host}:${resources.db.port}/${resources.db.name}
              REDIS_HOST: ${resources.sessions.host}
              REDIS_PORT: ${resources.sessions.port}
              REDIS_PASSWORD: ${resources.sessions.password}
            readinessProbe: {httpGet: {path: /healthz, port: 8080}}
        service: {ports: {http: {port: 80, targetPort: 8080}}}
        resources:
          db: {type: postgres, class: held}
          sessions: {type: redis, id: ledger}
          url: {type: route, params: {host: ledger.localhost, path: /, port: 80}}
)";
      return file.string();
    }());
  }
  static Json ready_of(const std::string& resource) {
    for (const auto& condition : fleet().get("resources", resource)["status.conditions"].items())
      if (condition["type"].str() == "Ready") return condition;
    return fleet().get("resources", resource)["status"];
  }
  static ::testing::AssertionResult shows(const std::string& resource, const std::string& reason) {
    if (until([&] { return ready_of(resource)["reason"].str() == reason; }, 60s))
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << fleet().get("resources", resource).dump();
  }
  static std::string container_of(const std::string& part) {
    for (const auto& name : containers())
      if (name.find(part) != std::string::npos) return name;
    return "";
  }
  // As the superuser, whom the socket trusts.
  static Ran sql(const std::string& statement) {
    return fleet().podman(agent, {"exec", container_of("postgres"), "sh", "-c",
                                  "psql -XAtq -U app -d app -c \"" + statement + "\""});
  }

  static const std::string volume;
  static const std::string database;
};

const std::string Secrets::volume = "local-1.default.ledger.volume.postgres.web.db.data";
const std::string Secrets::database = "local-1.default.ledger.postgres.web.db";

TEST_F(Secrets, ADatabaseThatComesBackToItsVolumeOpensIt) {
  up();
  ASSERT_TRUE(answers("ledger.localhost", "/", "Orders so far: <b>0</b>"));
  const auto posted =
      run({"curl", "-fsS", "-m", "10", "-X", "POST", "-o", "/dev/null", "-H", "Host: ledger.localhost",
           "http://127.0.0.1:" + std::to_string(port()) + "/orders"});
  ASSERT_EQ(posted.exit, 0) << posted.err;
  ASSERT_EQ(fleet().qleet({"delete", "app", "ledger", "--wait", "--timeout", "60s"}).exit, 0);
  // The server and its secret are gone; the volume is not.
  ASSERT_TRUE(
      until([] { return fleet().state_of(database).empty() && container_of("postgres").empty(); }, 60s))
      << fleet().state_of(database);
  ASSERT_FALSE(fleet().get("resources", volume).dump().empty());
  up();
  EXPECT_TRUE(answers("ledger.localhost", "/", "Orders so far: <b>1</b>"));
}

TEST_F(Secrets, ADatabaseThatRefusesWhatIsHandedOutIsNotReady) {
  up();
  const auto broken = sql("alter role app password 'of-somebody-else'");
  ASSERT_EQ(broken.exit, 0) << broken.err;
  ASSERT_TRUE(shows(database, "CredentialsRefused"));
  const std::string message = ready_of(database)["message"].str();
  EXPECT_NE(message.find("ledger-volume-postgres"), std::string::npos) << message;
  EXPECT_NE(message.find("secret password"), std::string::npos) << message;
  EXPECT_EQ(fleet().state_of(database), "Degraded");
  const auto secret =
      fleet().podman(agent, {"exec", container_of("postgres"), "cat", "/run/secrets/password"});
  ASSERT_EQ(secret.exit, 0) << secret.err;
  EXPECT_EQ(fleet().get("resources", database).dump().find(secret.out), std::string::npos);
  const auto mended = sql("alter role app password '$(cat /run/secrets/password)'");
  ASSERT_EQ(mended.exit, 0) << mended.err;
  EXPECT_TRUE(shows(database, "Available"));
}

TEST_F(Secrets, AVolumeThatSomebodyRemovedIsToldAndNotMadeAnew) {
  up();
  std::string name;
  for (const auto& left : leftovers())
    if (left.starts_with("volume ") && left.find("ledger-volume") != std::string::npos) name = left.substr(7);
  ASSERT_FALSE(name.empty()) << ::testing::PrintToString(leftovers());
  const auto removed = fleet().podman(agent, {"volume", "rm", "--force", name});
  ASSERT_EQ(removed.exit, 0) << removed.err;
  ASSERT_TRUE(shows(volume, "DataLost"));
  EXPECT_EQ(fleet().state_of(volume), "Stalled");
  // The database waits for it, and makes none by itself.
  EXPECT_TRUE(until([] { return fleet().state_of(database) != "Ready"; }, 30s)) << fleet().state_of(database);
  for (const auto& left : leftovers()) EXPECT_NE(left, "volume " + name);
  const std::string events = fleet().qleet({"events", "-o", "json"}).out;
  EXPECT_NE(events.find("DataLost"), std::string::npos) << events;

  // As its message says.
  const std::string message = ready_of(volume)["message"].str();
  const auto at = message.find("podman --url ");
  ASSERT_NE(at, std::string::npos) << message;
  const auto made = run({"/bin/sh", "-c", message.substr(at)});
  ASSERT_EQ(made.exit, 0) << made.err;
  EXPECT_TRUE(until([] { return fleet().unsettled().empty(); }, 90s)) << fleet().unsettled();
  EXPECT_EQ(sql("select count(*) from pg_tables where tablename = 'orders'").out, "0\n") << "it begins anew";
}

}  // namespace
}  // namespace qleet::test
