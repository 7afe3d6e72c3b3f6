#include "tests/e2e/tenants.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace qleet::test {

namespace fs = std::filesystem;

namespace {

constexpr const char* kImage = "localhost/tenants/web:1";
constexpr const char* kAnnsHost = "ann.localhost";

Environment as(const std::string& developer, const MiniFleet& fleet) {
  return {{"QLEET_CONFIG", fleet.folder() / (developer + ".yaml")}};
}

// A service account of role developer, with a context of its own.
void add_developer(const MiniFleet& fleet, const std::string& name) {
  const auto token = fleet.qleet({"token", name, "--role", "developer"});
  ASSERT_EQ(token.exit, 0) << token.err;
  const auto file = fleet.folder() / (name + ".token");
  std::ofstream(file) << token.out.substr(0, token.out.find('\n'));
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  const auto made = fleet.qleet({"context", "set", name, "--hub", fleet.url(), "--token-file", file.string(),
                                 "--ca", (fleet.hub_state() / "tls/ca.pem").string()},
                                {}, as(name, fleet));
  ASSERT_EQ(made.exit, 0) << made.err;
}

std::string first_of(const std::vector<std::string>& names, const std::string& part) {
  const auto found = std::ranges::find_if(names, [&](const auto& name) { return name.contains(part); });
  return found == names.end() ? "" : *found;
}

}  // namespace

std::string Tenant::yaml() const {
  std::string out = fmt::format(
      "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {{name: {}}}\nspec:\n  workloads:\n    {}:\n",
      name, workload);
  if (!renamed_from.empty()) out += fmt::format("      renamedFrom: {}\n", renamed_from);
  out += fmt::format(
      "      score:\n        metadata: {}\n        containers:\n          main:\n            image: {}\n"
      "            readinessProbe: {{httpGet: {{path: /healthz, port: 8080}}}}\n",
      metadata, kImage);
  for (const auto& line : container) out += "            " + line + "\n";
  out += fmt::format("            variables:\n              VERSION: {}\n", page);
  for (const auto& [key, value] : variables) out += fmt::format("              {}: \"{}\"\n", key, value);
  out += "        service: {ports: {http: {port: 80, targetPort: 8080}}}\n";
  if (!resources.empty()) out += "        resources:\n";
  for (const auto& line : resources) out += "          " + line + "\n";
  return out;
}

void Tenants::SetUpTestSuite() {
  ContainerFleet::SetUpTestSuite();
  const auto archive = fleet().folder() / "web.tar";
  if (fs::exists(archive)) return;
  const TempDir root;
  fs::create_directories(root / "bin");
  fs::create_directories(root / "tmp");
  fs::copy_file(QLEET_TEST_WEB, root / "bin/web");
  ASSERT_EQ(run({"tar", "-C", root.path(), "-cf", archive.string(), "."}).exit, 0);
  const auto made = fleet().podman(agent, {"import", "--change", "ENTRYPOINT [\"/bin/web\"]", "--change",
                                           "CMD [\"serve\", \"8080\"]", archive.string(), kImage});
  ASSERT_EQ(made.exit, 0) << made.err;
  for (const char* name : {"ann", "bob"}) add_developer(fleet(), name);
}

Tenant Tenants::anns() {
  return {.name = "pay-ments",
          .page = "page of ann",
          .resources = {"db: {type: postgres, class: shared, id: db}", "cache: {type: redis}",
                        "ours: {type: redis, id: ours}", "data: {type: volume}",
                        fmt::format("url: {{type: route, params: {{host: {}}}}}", kAnnsHost)},
          .variables = {{"DB_HOST", "${resources.db.host}"},
                        {"DB_NAME", "${resources.db.name}"},
                        {"DB_PASSWORD", "${resources.db.password}"},
                        {"CACHE_HOST", "${resources.cache.host}"},
                        {"CACHE_PASSWORD", "${resources.cache.password}"},
                        {"OURS_HOST", "${resources.ours.host}"},
                        {"OURS_PASSWORD", "${resources.ours.password}"}},
          .container = {"volumes: [{source: \"${resources.data}\", target: /data}]"}};
}

Tenant Tenants::bobs(std::vector<std::string> resources) {
  Tenant tenant{.name = "pay", .page = "page of bob", .resources = std::move(resources)};
  tenant.resources.emplace_back("url: {type: route, params: {host: bob.localhost}}");
  return tenant;
}

Ran Tenants::ann(std::vector<std::string> arguments, const std::string& input) {
  return fleet().qleet(std::move(arguments), input, as("ann", fleet()));
}

Ran Tenants::bob(std::vector<std::string> arguments, const std::string& input) {
  return fleet().qleet(std::move(arguments), input, as("bob", fleet()));
}

void Tenants::bob_has(const Tenant& tenant) {
  const auto applied = bob({"apply", "-", "--wait", "--timeout", "2m"}, tenant.yaml());
  ASSERT_EQ(applied.exit, 0) << tenant.yaml() << applied.out << applied.err;
}

void Tenants::bob_leaves() {
  const auto left = bob({"delete", "app", "pay", "--delete-data", "--yes", "--wait", "--timeout", "1m"});
  EXPECT_EQ(left.exit, 0) << left.out << left.err;
  const auto gone = [] {
    return std::ranges::none_of(fleet().resources(),
                                [](const auto& name) { return name.contains(".default.pay."); });
  };
  EXPECT_TRUE(until(gone, 60s)) << ::testing::PrintToString(fleet().resources());
}

void Tenants::refused(const Tenant& tenant, const std::string& text) {
  for (const std::string command : {"plan", "apply"}) {
    const auto tried = bob({command, "-"}, tenant.yaml());
    EXPECT_NE(tried.exit, 0) << tenant.yaml() << tried.out;
    EXPECT_NE((tried.out + tried.err).find(text), std::string::npos)
        << command << "\n"
        << tenant.yaml() << tried.out << tried.err;
  }
  EXPECT_TRUE(fleet().get("apps", tenant.name).null() || tenant.name != "pay") << tenant.yaml();
}

std::string Tenants::handed_to(const std::string& host, const std::string& variable) {
  return http_get(port(), host, "/env/" + variable).body;
}

Ran Tenants::sql(const std::string& host, const std::string& role, const std::string& password,
                 const std::string& statement) {
  return fleet().podman(agent, {"exec", "--env", "PGPASSWORD=" + password, "--env", "PGCONNECT_TIMEOUT=5",
                                first_of(containers(), "postgres"), "psql", "-XAtqw", "-h", host, "-U", role,
                                "-d", role, "-c", statement});
}

std::string Tenants::redis(const std::string& host, const std::string& password,
                           const std::vector<std::string>& command) {
  std::vector<std::string> line{
      "exec", "--env", "REDISCLI_AUTH=" + password, first_of(containers(), "redis"), "redis-cli", "-h", host};
  line.insert(line.end(), command.begin(), command.end());
  const auto said = fleet().podman(agent, line);
  return said.out + said.err;
}

std::map<std::string, std::string> Tenants::anns_state() {
  std::map<std::string, std::string> state = started({"pay-ments", "postgres", "redis-ours", "router"});
  for (const auto& [key, _] : anns().variables) state[key] = handed_to(kAnnsHost, key);
  for (const char* path : {"/", "/login", "/file/data/mark"}) {
    const auto got = http_get(port(), kAnnsHost, path);
    state[path] = std::to_string(got.status) + " " + got.body;
  }
  const auto row = sql(state["DB_HOST"], state["DB_NAME"], state["DB_PASSWORD"], "select word from mark");
  state["row"] = row.out + row.err;
  for (const std::string cache : {"CACHE", "OURS"})
    state["key in " + cache] = redis(state[cache + "_HOST"], state[cache + "_PASSWORD"], {"get", "mark"});
  for (const auto& resource : fleet().list("resources")) {
    const auto name = resource["metadata.name"].str();
    if (name.contains("pay-ments") || name.contains("redis.") || name.contains("postgres-server"))
      state[name] = resource["metadata.generation"].str() + " " + resource["spec.deleted"].str();
  }
  state["application"] = fleet().get("apps", "pay-ments")["metadata.generation"].str();
  return state;
}

::testing::AssertionResult Tenants::untouched(const std::map<std::string, std::string>& before) {
  std::string different;
  const auto same = [&] {
    different.clear();
    const auto now = anns_state();
    for (const auto& [what, was] : before) {
      const auto found = now.find(what);
      if (found == now.end() || found->second != was)
        different += what + ": was " + was + ", is " + (found == now.end() ? "gone" : found->second) + "\n";
    }
    return different.empty();
  };
  if (until(same, 10s)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << different;
}

::testing::AssertionResult Tenants::settled() {
  if (until([] { return fleet().unsettled().empty(); }, 90s)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << fleet().unsettled();
}

void Tenants::SetUp() {
  ContainerFleet::SetUp();
  const auto applied = ann({"apply", "-", "--wait", "--timeout", "2m"}, anns().yaml());
  ASSERT_EQ(applied.exit, 0) << applied.out << applied.err;
  ASSERT_TRUE(answers(kAnnsHost, "/", "page of ann"));
  const auto handed = [](const std::string& variable) { return handed_to(kAnnsHost, variable); };
  const auto made = sql(handed("DB_HOST"), handed("DB_NAME"), handed("DB_PASSWORD"),
                        "create table mark as select 'row of ann' as word");
  ASSERT_EQ(made.exit, 0) << made.err;
  for (const std::string cache : {"CACHE", "OURS"})
    ASSERT_EQ(redis(handed(cache + "_HOST"), handed(cache + "_PASSWORD"), {"set", "mark", "key of ann"}),
              "OK\n");
  const auto written = fleet().podman(agent, {"exec", first_of(containers(), "pay-ments-workload"),
                                              "/bin/web", "touch", "/data/mark", "VERSION"});
  ASSERT_EQ(written.exit, 0) << written.err << ::testing::PrintToString(containers());
  before_ = anns_state();
  ASSERT_EQ(before_["/file/data/mark"], "200 page of ann");
  ASSERT_EQ(before_["row"], "row of ann\n");
  client_ = std::make_unique<SteadyClient>(port(), kAnnsHost,
                                           std::vector<std::string>{"page of ann", "page of bob"});
}

void Tenants::TearDown() {
  if (client_) {
    const auto asked = client_->stop();
    EXPECT_TRUE(asked.unanswered().empty()) << asked.text();
    EXPECT_FALSE(asked.seen.contains("page of bob")) << asked.text();
  }
  client_.reset();
  ContainerFleet::TearDown();
}

}  // namespace qleet::test
