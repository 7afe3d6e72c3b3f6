// Software that nobody here wrote, and a plain Score file.
#include <fstream>

#include "tests/e2e/container_fleet.h"

namespace qleet::test {
namespace {

class Software : public ContainerFleet {};

TEST_F(Software, APlainScoreFileRunsUnchanged) {
  up(QLEET_TOP "/examples/score/score.yaml");
  EXPECT_TRUE(answers("hello.localhost", "/", "Directory listing"));
}

TEST_F(Software, WordPressWithItsDatabaseAndUploads) {
  up(QLEET_TOP "/examples/wordpress/wordpress.yaml");
  EXPECT_TRUE(answers("blog.localhost", "/wp-admin/install.php", "WordPress", 30s));
}

// Its health is a login with what is handed out, so ready means that a client gets in.
TEST_F(Software, AMessageBrokerIsReadyOnceItsUserGetsIn) {
  const TempDir folder;
  std::ofstream(folder / "queue.yaml") << R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: queue}
spec:
  workloads:
    web:
      score:
        containers:
          web:
            image: localhost/shop/web:main-1
            command: [python3, -m, http.server, "8080"]
            variables: {AMQP_URL: "amqp://${resources.mq.username}:${resources.mq.password}@${resources.mq.host}:${resources.mq.port}"}
        service: {ports: {http: {port: 80, targetPort: 8080}}}
        resources: {mq: {type: amqp}, dns: {type: dns}, url: {type: route, params: {host: "${resources.dns.host}"}}}
)";
  up(folder / "queue.yaml");
  EXPECT_TRUE(answers("web.dns.queue.default.localhost", "/", "Directory listing"));
}

TEST_F(Software, AnImageThatIsNotThereIsNamedInTheFirstLine) {
  fleet().apply(R"(apiVersion: qleet.io/v1
kind: Application
metadata: {name: lost}
spec:
  workloads:
    web: {score: {containers: {web: {image: "localhost/no/such:1"}}}}
)");
  std::string said;
  EXPECT_TRUE(until(
      [&] {
        said = fleet().qleet({"describe", "app", "lost"}).out;
        return said.substr(0, said.find('\n')).find("localhost/no/such:1") != std::string::npos;
      },
      20s))
      << said;
}

}  // namespace
}  // namespace qleet::test
