// Software that nobody here wrote, and a plain Score file.
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
