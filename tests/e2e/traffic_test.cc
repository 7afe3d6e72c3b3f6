// Clients ask without a pause while workloads are renamed, routes move, and applications exchange their
// hosts: no request fails, and none is answered by another application.
#include <fmt/format.h>

#include <fstream>

#include "tests/e2e/container_fleet.h"

namespace qleet::test {
namespace {

constexpr const char* kServer = R"(import http.server, os, signal
PAGE = os.environ['PAGE'].encode()
class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)
    def log_message(self, *words):
        pass
signal.signal(signal.SIGTERM, lambda *of: os._exit(0))
http.server.ThreadingHTTPServer(('', 8080), Page).serve_forever()
)";

// An application of one workload that answers with `page`.
std::string app(const std::string& name, const std::string& workload, const std::string& page,
                const std::string& route) {
  std::string source;
  for (const char* at = kServer; *at != '\0'; ++at)
    source += *at == '\n' ? std::string("\\n") : std::string(1, *at);
  return fmt::format(R"(apiVersion: qleet.io/v1
kind: Application
metadata: {{name: {}}}
spec:
  workloads:
    {}:
      score:
        containers:
          main:
            image: localhost/shop/web:main-1
            command: [python3, /serve.py]
            variables: {{PAGE: "{}"}}
            files: [{{target: /serve.py, content: "{}"}}]
            readinessProbe: {{httpGet: {{path: /, port: 8080}}}}
        service: {{ports: {{http: {{port: 80, targetPort: 8080}}}}}}
        resources: {{url: {{type: route, params: {}}}}}
---
)",
                     name, workload, page, source, route);
}

class Traffic : public ContainerFleet {
 protected:
  static void apply(const std::string& yaml) {
    const TempDir folder;
    std::ofstream(folder / "apps.yaml") << yaml;
    up(folder / "apps.yaml");
  }
  static void more_requests(const SteadyClient& client) {
    const auto then = client.requests();
    EXPECT_TRUE(until([&] { return client.requests() > then + 50; }));
  }
};

TEST_F(Traffic, ARenamedWorkloadServesUntilTheNewOneIsReady) {
  apply(app("anybody", "web", "page of anybody", "{}") +
        app("rename", "api", "page of api", "{host: rename.localhost}"));
  ASSERT_TRUE(answers("rename.localhost", "/", "page of api"));
  SteadyClient client(port(), "rename.localhost", {"page of anybody", "page of api", "page of web"});
  more_requests(client);
  apply(app("rename", "web", "page of web", "{host: rename.localhost}"));
  ASSERT_TRUE(answers("rename.localhost", "/", "page of web"));
  EXPECT_TRUE(until([] { return started({"rename-workload-api", "rename.workload.api"}).empty(); }));
  more_requests(client);
  const auto asked = client.stop();
  EXPECT_TRUE(asked.unanswered().empty()) << asked.text();
  EXPECT_EQ(asked.seen.size(), 2u) << asked.text();
  EXPECT_FALSE(asked.seen.contains("page of anybody")) << asked.text();
}

TEST_F(Traffic, ApplicationsExchangeTheirHostsInOneApply) {
  apply(app("anybody", "web", "page of anybody", "{}") +
        app("blue", "web", "page of blue", "{host: move.localhost}") +
        app("green", "web", "page of green", "{host: spare.localhost}"));
  ASSERT_TRUE(answers("move.localhost", "/", "page of blue"));
  ASSERT_TRUE(answers("spare.localhost", "/", "page of green"));
  const std::vector<std::string> marks{"page of anybody", "page of blue", "page of green"};
  SteadyClient move(port(), "move.localhost", marks);
  SteadyClient spare(port(), "spare.localhost", marks);
  more_requests(move);
  more_requests(spare);
  apply(app("blue", "web", "page of blue", "{host: spare.localhost}") +
        app("green", "web", "page of green", "{host: move.localhost}"));
  ASSERT_TRUE(answers("move.localhost", "/", "page of green"));
  ASSERT_TRUE(answers("spare.localhost", "/", "page of blue"));
  more_requests(move);
  more_requests(spare);
  for (auto* client : {&move, &spare}) {
    const auto asked = client->stop();
    EXPECT_TRUE(asked.unanswered().empty()) << asked.text();
    EXPECT_FALSE(asked.seen.contains("page of anybody")) << asked.text();
  }
}

TEST_F(Traffic, ATenantGetsNoMoreThanItMayAskFor) {
  apply(app("owner", "web", "page of owner", "{host: owner.localhost}"));
  const TempDir folder;
  const auto refused = [&](const std::string& yaml) {
    std::ofstream(folder / "app.yaml") << yaml;
    const auto done = fleet().qleet({"apply", folder / "app.yaml"});
    EXPECT_NE(done.exit, 0) << done.out;
    return done.out + done.err;
  };
  EXPECT_NE(refused(app("guest", "web", "x", "{host: owner.localhost, path: /login}"))
                .find("belongs to application"),
            std::string::npos);
  auto router = app("guest", "web", "x", "{}");
  const std::string wanted = "{type: route, params: {}}";
  router.replace(router.find(wanted), wanted.size(), "{type: router, params: {image: evil, port: 7443}}");
  EXPECT_NE(refused(router).find("only other profiles may ask for it"), std::string::npos);
  EXPECT_TRUE(answers("owner.localhost", "/login", "page of owner"));
}

}  // namespace
}  // namespace qleet::test
