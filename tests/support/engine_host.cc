#include "tests/support/engine_host.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "common/http/client.h"
#include "tests/support/docker_host.h"
#include "tests/support/patience.h"
#include "tests/support/podman_host.h"

namespace qleet::test {

namespace fs = std::filesystem;

namespace {

std::string tar_of(const fs::path& folder) {
  const fs::path archive = folder.string() + ".tar";
  const std::string command = fmt::format("tar -C '{}' -cf '{}' .", folder.string(), archive.string());
  if (std::system(command.c_str()) != 0) return {};
  std::ifstream in(archive, std::ios::binary);
  std::string out((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  fs::remove(archive);
  return out;
}

// The engine's own, under the names that it has in either API.
bool is_default(const std::string& network) {
  return network == "podman" || network == "bridge" || network == "host" || network == "none";
}

Result<> import_server(containers::Client& client, const std::string& reference, const std::string& version,
                       const fs::path& scratch, const std::string& user) {
  const fs::path root = scratch / "image";
  fs::create_directories(root / "bin");
  fs::create_directories(root / "tmp");
  fs::copy_file(QLEET_TEST_WEB, root / "bin" / "web", fs::copy_options::overwrite_existing);
  fs::create_directories(root / "etc");
  std::ofstream(root / "etc" / "passwd") << "root:x:0:0::/:\napp:x:1234:1235::/:\n";
  ::chmod((root / "tmp").c_str(), 01777);
  std::vector<std::string> changes{"ENTRYPOINT [\"/bin/web\"]", "CMD [\"serve\", \"8080\"]",
                                   "ENV VERSION=" + version};
  if (!user.empty()) changes.push_back("USER " + user);
  return client.import_image(reference, tar_of(root), changes);
}

}  // namespace

bool EngineHost::make_folder(const std::string& pattern, std::string& why) {
  std::string folder = pattern;
  if (!::mkdtemp(folder.data())) {
    why = "no temporary folder";
    return false;
  }
  state_ = folder;
  return true;
}

bool EngineHost::connect(std::string& why) {
  client_ = std::make_unique<containers::Client>(socket());
  const auto imported = import_server(*client_, image_, "none", state_, "");
  if (!imported) why = imported.error().message;
  return imported.has_value();
}

void EngineHost::remove_everything() {
  if (!client_) return;
  // Twice: those that share another one's network go after it.
  for (int pass = 0; pass < 2; ++pass) {
    for (const auto& container : client_->list({}).value_or(std::vector<containers::Container>{})) {
      (void)client_->remove(container.id);
    }
  }
  for (const auto& network : client_->list_networks({}).value_or(std::vector<containers::Network>{})) {
    if (!is_default(network.name)) (void)client_->remove_network(network.name);
  }
}

Result<> EngineHost::import_web(const std::string& reference, const std::string& version,
                                const std::string& user) {
  return import_server(*client_, reference, version, state_, user);
}

Result<> EngineHost::import_program(const std::string& reference, const fs::path& program) {
  if (!fs::exists(program)) {
    return fail(Code::kNotFound,
                fmt::format("{} is not installed; see packaging/dependencies.txt", program.string()));
  }
  const fs::path root = state_ / "program";
  fs::remove_all(root);
  fs::create_directories(root / "usr" / "sbin");
  fs::copy_file(program, root / "usr" / "sbin" / program.filename());
  const std::string command = fmt::format(
      "ldd '{}' | grep -o '/[^ ]*' | while read -r l; do mkdir -p '{}'\"$(dirname \"$l\")\"; cp -L \"$l\" "
      "'{}'\"$l\"; done",
      program.string(), root.string(), root.string());
  if (std::system(command.c_str()) != 0) return fail(Code::kInternal, "cannot collect its libraries");
  return client_->import_image(reference, tar_of(root), {"ENV PATH=/usr/sbin"});
}

std::vector<std::string> EngineHost::leftovers() {
  std::vector<std::string> out;
  for (const auto& container : client_->list({}).value_or(std::vector<containers::Container>{})) {
    out.push_back("container " + container.name);
  }
  for (const auto& network : client_->list_networks({}).value_or(std::vector<containers::Network>{})) {
    if (!is_default(network.name)) out.push_back("network " + network.name);
  }
  for (const auto& volume : client_->list_volumes({}).value_or(std::vector<containers::Volume>{})) {
    out.push_back("volume " + volume.name);
  }
  return out;
}

std::string get(const std::string& url) {
  http::Client client;
  http::Request request;
  request.url = url;
  request.timeout = patient(Millis(2'000));
  const auto response = client.request(request);
  return response && response->ok() ? response->body : std::string();
}

std::string engine_under_test() {
  const char* named = std::getenv("QLEET_TEST_ENGINE");
  return named ? named : "podman";
}

std::unique_ptr<EngineHost> start_engine_host(std::string& why, bool& skip) {
  if (engine_under_test() == "docker") return DockerHost::start(why, skip);
  return PodmanHost::start(why);
}

}  // namespace qleet::test
