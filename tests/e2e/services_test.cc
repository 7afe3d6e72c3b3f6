// Workloads that find each other by name: two that ask for each other, and one of another application, while
// a new version rolls out.
#include <fmt/format.h>

#include <fstream>

#include "tests/e2e/container_fleet.h"

namespace qleet::test {
namespace {

// Answers with its own page, and under /peer with what its peer answers.
constexpr const char* kServer = R"(import http.server, os, signal, urllib.request
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith('/peer'):
            page = urllib.request.urlopen(os.environ['PEER'] + '/', timeout=5).read()
        else:
            page = os.environ['PAGE'].encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(page)))
        self.end_headers()
        self.wfile.write(page)
    def log_message(self, *words):
        pass
signal.signal(signal.SIGTERM, lambda *of: os._exit(0))
http.server.ThreadingHTTPServer(('', 8080), Page).serve_forever()
)";

std::string workload(const std::string& name, const std::string& page, const std::string& peer,
                     const std::string& more = "") {
  std::string source;
  for (const char* at = kServer; *at != '\0'; ++at)
    source += *at == '\n' ? std::string("\\n") : std::string(1, *at);
  return fmt::format(R"(
    {}:
      {}
      score:
        containers:
          main:
            image: localhost/shop/web:main-1
            command: [python3, /serve.py]
            variables: {{PAGE: "{}", PEER: "${{resources.peer.url}}"}}
            files: [{{target: /serve.py, content: "{}"}}]
            readinessProbe: {{httpGet: {{path: /, port: 8080}}}}
        service: {{ports: {{http: {{port: 80, targetPort: 8080}}}}}}
        resources:
          peer: {}
          url: {{type: route, params: {{host: {}.example}}}}
)",
                     name, more, page, source, peer, name);
}

std::string application(const std::string& name, const std::string& workloads) {
  return fmt::format(
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {{name: {}}}\nspec:\n  workloads:{}---\n", name,
      workloads);
}

class Services : public ContainerFleet {
 protected:
  static void apply(const std::string& yaml) {
    const TempDir folder;
    std::ofstream(folder / "apps.yaml") << yaml;
    up(folder / "apps.yaml");
  }
};

TEST_F(Services, WorkloadsFindEachOtherAndGoOnDoingSo) {
  const auto asks = [](const std::string& of) {
    return fmt::format("{{type: service, params: {{workload: {}}}}}", of);
  };
  const auto pair = [&](const std::string& page) {
    return application("pair", workload("left", page, asks("right"), "replicas: 2") +
                                   workload("right", "the right one", asks("left"), "offers: [right]"));
  };
  apply(pair("the left one") +
        application("other", workload("front", "the front", "{type: service, id: right}")));
  EXPECT_TRUE(answers("left.example", "/peer", "the right one"));
  EXPECT_TRUE(answers("right.example", "/peer", "the left one"));
  EXPECT_TRUE(answers("front.example", "/peer", "the right one"));

  const auto before = started({"right", "front"});
  apply(pair("another left one"));
  EXPECT_TRUE(answers("right.example", "/peer", "another left one"));
  EXPECT_EQ(started({"right", "front"}), before) << "who asks by name is not touched by a new version";

  // Asked for by name only now: it has its name already, and goes on.
  const auto front = workload("front", "the front", "{type: service, id: right}");
  apply(application("other", front + workload("late", "the late one", asks("front"))));
  EXPECT_TRUE(answers("late.example", "/peer", "the front"));
  EXPECT_EQ(started({"right", "front"}), before);
  apply(application("other", front));
  EXPECT_EQ(started({"right", "front"}), before);
}

}  // namespace
}  // namespace qleet::test
