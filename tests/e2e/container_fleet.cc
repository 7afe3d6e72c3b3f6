#include "tests/e2e/container_fleet.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace qleet::test {

namespace fs = std::filesystem;

namespace {

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Every place of `from` in the file becomes `to`; there must be one.
void replace_in(const fs::path& file, const std::string& from, const std::string& to) {
  std::string text = contents(file);
  std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << file << " has no " << from;
  for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  std::ofstream(file, std::ios::trunc) << text;
}

std::vector<std::string> words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

}  // namespace

const std::string ContainerFleet::agent = "local-1";
std::unique_ptr<TempDir> ContainerFleet::files_;
std::unique_ptr<MiniFleet> ContainerFleet::fleet_;
int ContainerFleet::port_ = 0;

// One fleet for all suites of the program: it goes with the program.
class ContainerFleet::Ending : public ::testing::Environment {
 public:
  void TearDown() override {
    fleet_.reset();
    files_.reset();
  }
  static const ::testing::Environment* const registered;
};

const ::testing::Environment* const ContainerFleet::Ending::registered =
    ::testing::AddGlobalTestEnvironment(new ContainerFleet::Ending);

void ContainerFleet::SetUpTestSuite() {
  if (fleet_) return;
  files_ = std::make_unique<TempDir>();
  port_ = unused_port();
  fs::copy(QLEET_TOP "/profiles", *files_ / "profiles", fs::copy_options::recursive);
  replace_in(*files_ / "profiles/route.yaml", "default: 8080", "default: " + std::to_string(port_));
  // What a whole region shares follows its own profiles, not the environment.
  replace_in(*files_ / "profiles/route.yaml", "after: 10m", "after: 2s");
  replace_in(*files_ / "profiles/workload.yaml", "after: 10m", "after: 2s");
  // Each test leaves nothing behind; that data is kept otherwise is shown where it is kept.
  replace_in(*files_ / "profiles/workload.yaml", "{type: volume}", "{type: volume}\n  keepsData: false");
  replace_in(*files_ / "profiles/postgres.yaml", "keepsData: true", "keepsData: false");
  fs::copy(QLEET_TOP "/examples/shop", *files_ / "shop", fs::copy_options::recursive);
  fleet_ = std::make_unique<MiniFleet>(FleetOptions{.profiles = *files_ / "profiles"});
  fleet_->apply(
      "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: default}\n"
      "spec: {builds: {by: auto}, unusedAfter: 2s}\n");
  fleet_->add_agent({.name = agent, .labels = {"provider=container"}, .containers = true});
  const auto built = run({QLEET_TOP "/packaging/images/build"}, fleet_->podman_environment(agent), "", 10min);
  ASSERT_EQ(built.exit, 0) << built.out << built.err;
  (void)build_shop("main-1", "Welcome to the shop");
}

void ContainerFleet::SetUp() { ASSERT_TRUE(fleet_); }

void ContainerFleet::TearDown() {
  if (!fleet_) return;
  if (HasFailure()) std::cerr << fleet().logs();
  for (const auto& application : fleet().list("apps"))
    fleet().qleet({"delete", "app", application["metadata.name"].str()});
  EXPECT_TRUE(nothing_left());
}

void ContainerFleet::up(const std::string& file) {
  const auto applied = fleet().qleet({"apply", file, "--wait", "--timeout", "2m"});
  ASSERT_EQ(applied.exit, 0) << applied.out << applied.err;
}

std::string ContainerFleet::build_shop(const std::string& tag, const std::string& title) {
  const fs::path page = *files_ / "shop/index.html";
  fs::copy_file(QLEET_TOP "/examples/shop/index.html", page, fs::copy_options::overwrite_existing);
  replace_in(page, "Welcome to the shop", title);
  const auto built = run({*files_ / "shop/build", tag}, fleet().podman_environment(agent));
  EXPECT_EQ(built.exit, 0) << built.err;
  return built.out.substr(0, built.out.find('\n'));
}

std::vector<std::string> ContainerFleet::containers() {
  return words(fleet().podman(agent, {"ps", "--format", "{{.Names}}"}).out);
}

std::map<std::string, std::string> ContainerFleet::started(const std::vector<std::string>& parts) {
  std::map<std::string, std::string> out;
  for (const auto& name : containers())
    for (const auto& part : parts)
      if (name.find(part) != std::string::npos)
        out[name] = fleet().podman(agent, {"inspect", "--format", "{{.State.StartedAt}}", name}).out;
  return out;
}

std::vector<std::string> ContainerFleet::leftovers() {
  std::vector<std::string> out;
  const auto add = [&](const std::string& what, const std::vector<std::string>& command) {
    for (const auto& name : words(fleet().podman(agent, command).out))
      if (name != "podman") out.push_back(what + " " + name);
  };
  add("container", {"ps", "--all", "--format", "{{.Names}}"});
  add("network", {"network", "ls", "--format", "{{.Name}}"});
  add("volume", {"volume", "ls", "--format", "{{.Name}}"});
  return out;
}

::testing::AssertionResult ContainerFleet::answers(const std::string& host, const std::string& path,
                                                   const std::string& with, std::chrono::milliseconds limit) {
  HttpAnswer last;
  const auto as_wanted = [&] {
    last = http_get(port(), host, path);
    return last.status == 200 && last.body.find(with) != std::string::npos;
  };
  if (until(as_wanted, limit)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << host << path << ": " << last.status << " " << last.error << " " << last.body.substr(0, 500);
}

::testing::AssertionResult ContainerFleet::nothing_left(std::chrono::milliseconds limit) {
  if (until([] { return fleet().list("resources").empty() && leftovers().empty(); }, limit))
    return ::testing::AssertionSuccess();
  auto failure = ::testing::AssertionFailure() << "left:";
  for (const auto& left : leftovers()) failure << "\n" << left;
  for (const auto& resource : fleet().list("resources"))
    failure << "\nhub: " << resource["metadata.name"].str();
  return failure;
}

}  // namespace qleet::test
