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
std::unique_ptr<DockerHost> ContainerFleet::docker_;
std::string ContainerFleet::skipped_;
std::unique_ptr<MiniFleet> ContainerFleet::fleet_;
int ContainerFleet::port_ = 0;

// One fleet for all suites of the program: it goes with the program.
class ContainerFleet::Ending : public ::testing::Environment {
 public:
  void TearDown() override {
    fleet_.reset();
    docker_.reset();
    files_.reset();
  }
  static const ::testing::Environment* const registered;
};

const ::testing::Environment* const ContainerFleet::Ending::registered =
    ::testing::AddGlobalTestEnvironment(new ContainerFleet::Ending);

void ContainerFleet::SetUpTestSuite() {
  if (fleet_ || !skipped_.empty()) return;
  if (engine_under_test() == "docker") start_docker();
  if (HasFatalFailure() || !skipped_.empty()) return;
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
  fleet_ = std::make_unique<MiniFleet>(
      FleetOptions{.profiles = *files_ / "profiles", .agent_arguments = {"--metrics-listen", "127.0.0.1:0"}});
  fleet_->apply(
      "apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {name: default}\n"
      "spec: {builds: {by: auto}, unusedAfter: 2s}\n");
  fleet_->add_agent({.name = agent,
                     .labels = {"provider=container"},
                     .containers = true,
                     .engine = docker_ ? docker_->socket() : ""});
  ASSERT_NO_FATAL_FAILURE(build_images());
  (void)build_shop("main-1", "Welcome to the shop");
}

void ContainerFleet::SetUp() {
  if (!skipped_.empty()) GTEST_SKIP() << skipped_;
  ASSERT_TRUE(fleet_);
}

void ContainerFleet::start_docker() {
  std::string why;
  bool skip = false;
  docker_ = DockerHost::start(why, skip);
  if (skip)
    skipped_ = why;
  else
    ASSERT_TRUE(docker_) << why;
  if (!docker_) return;
  const fs::path storage = docker_->state() / "podman";
  fs::create_directories(storage);
  std::ofstream(storage / "containers.conf")
      << "[engine]\nevents_logger = \"none\"\nlock_type = \"file\"\ntmp_dir = " << storage / "tmp" << "\n";
  std::ofstream(storage / "storage.conf")
      << "[storage]\ndriver = \"overlay\"\ngraphroot = " << storage / "graph"
      << "\nrunroot = " << storage / "run" << "\n";
}

Environment ContainerFleet::build_environment() {
  if (!docker_) return fleet_->podman_environment(agent);
  const fs::path storage = docker_->state() / "podman";
  return {{"CONTAINERS_CONF", storage / "containers.conf"},
          {"CONTAINERS_STORAGE_CONF", storage / "storage.conf"}};
}

void ContainerFleet::build_images() {
  std::vector<std::string> command{QLEET_TOP "/packaging/images/build"};
  // With Docker, what the shop needs: each is written, carried over and read again.
  const std::vector<std::string> few{"postgres", "redis", "haproxy", "python"};
  if (docker_) command.insert(command.end(), few.begin(), few.end());
  const auto built = run(command, build_environment(), "", 10min);
  ASSERT_EQ(built.exit, 0) << built.out << built.err;
  if (!docker_) return;
  std::vector<std::string> names;
  for (const auto& image : few)
    names.push_back(words(contents(fs::path(QLEET_TOP "/packaging/images") / image / "name")).at(0));
  hand_over(names);
}

void ContainerFleet::hand_over(const std::vector<std::string>& images) {
  const std::string archive = docker_->state() / "podman/images.tar";
  std::vector<std::string> save{"podman", "save", "--quiet", "--multi-image-archive", "--output", archive};
  save.insert(save.end(), images.begin(), images.end());
  const auto saved = run(save, build_environment());
  ASSERT_EQ(saved.exit, 0) << saved.err;
  const auto loaded = engine({"load", "--quiet", "--input", archive});
  ASSERT_EQ(loaded.exit, 0) << loaded.err;
  fs::remove(archive);
}

Ran ContainerFleet::engine(std::vector<std::string> arguments) {
  if (!docker_) return fleet().podman(agent, std::move(arguments));
  const std::vector<std::string> command{"docker", "--host", "unix://" + docker_->socket()};
  arguments.insert(arguments.begin(), command.begin(), command.end());
  return run(arguments);
}

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
  const auto built = run({*files_ / "shop/build", tag}, build_environment());
  EXPECT_EQ(built.exit, 0) << built.err;
  if (!docker_) return built.out.substr(0, built.out.find('\n'));
  // Docker gives no digest to what came from no registry, but knows it by its id.
  const std::string name = "localhost/shop/web:" + tag;
  hand_over({name});
  const auto id = words(engine({"image", "inspect", "--format", "{{.Id}}", name}).out);
  EXPECT_EQ(id.size(), 1u);
  return id.size() == 1 ? name + "@" + id[0] : name;
}

std::vector<std::string> ContainerFleet::containers() {
  return words(engine({"ps", "--format", "{{.Names}}"}).out);
}

std::map<std::string, std::string> ContainerFleet::started(const std::vector<std::string>& parts) {
  std::map<std::string, std::string> out;
  for (const auto& name : containers())
    for (const auto& part : parts)
      if (name.find(part) != std::string::npos)
        out[name] = engine({"inspect", "--format", "{{.State.StartedAt}}", name}).out;
  return out;
}

std::vector<std::string> ContainerFleet::leftovers() {
  if (docker_) return docker_->leftovers();
  std::vector<std::string> out;
  const auto add = [&](const std::string& what, const std::vector<std::string>& command) {
    for (const auto& name : words(engine(command).out))
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
