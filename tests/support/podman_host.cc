#include "tests/support/podman_host.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "common/http/client.h"
#include "tests/support/patience.h"

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

// Podman's own, under the name that it has in either API.
bool is_default(const std::string& network) { return network == "podman" || network == "bridge"; }

Result<> import_server(containers::Client& client, const std::string& reference, const std::string& version,
                       const fs::path& scratch) {
  const fs::path root = scratch / "image";
  fs::create_directories(root / "bin");
  fs::create_directories(root / "tmp");
  fs::copy_file(QLEET_TEST_WEB, root / "bin" / "web", fs::copy_options::overwrite_existing);
  ::chmod((root / "tmp").c_str(), 01777);
  return client.import_image(
      reference, tar_of(root),
      {"ENTRYPOINT [\"/bin/web\"]", "CMD [\"serve\", \"8080\"]", "ENV VERSION=" + version});
}

}  // namespace

std::unique_ptr<PodmanHost> PodmanHost::start(std::string& why,
                                              std::vector<std::string> insecure_registries) {
  if (::geteuid() != 0) {
    why = "containers need root";
    return nullptr;
  }
  std::unique_ptr<PodmanHost> host(new PodmanHost);
  std::string folder = "/tmp/qleet-podman-XXXXXX";
  if (!::mkdtemp(folder.data())) {
    why = "no temporary folder";
    return nullptr;
  }
  host->state_ = folder;
  auto service = containers::PodmanService::start(
      {.state = folder, .insecure_registries = std::move(insecure_registries), .ask_every = Millis(500)});
  if (!service) {
    why = service.error().message;
    return nullptr;
  }
  host->service_ = std::move(*service);
  host->client_ = std::make_unique<containers::Client>(host->service_->socket());
  if (auto imported = import_server(*host->client_, host->image_, "none", host->state_); !imported) {
    why = imported.error().message;
    return nullptr;
  }
  return host;
}

PodmanHost::~PodmanHost() {
  if (client_ && service_) {
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
  service_.reset();
  if (state_.empty()) return;
  (void)containers::PodmanService::remove_all(state_);
  std::error_code error;
  fs::remove_all(state_, error);
}

Result<> PodmanHost::import_web(const std::string& reference, const std::string& version) {
  return import_server(*client_, reference, version, state_);
}

Result<> PodmanHost::import_program(const std::string& reference, const fs::path& program) {
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

void PodmanHost::restart_service() {
  service_.reset();
  auto service = containers::PodmanService::start({.state = state_});
  if (service) service_ = std::move(*service);
}

std::vector<std::string> PodmanHost::leftovers() {
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

}  // namespace qleet::test
