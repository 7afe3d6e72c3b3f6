#include "tests/chaos/podman_world.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "common/engine/ownership.h"

namespace qleet::chaos {

namespace fs = std::filesystem;
namespace labels = containers::labels;
using test::Json;

namespace {

std::vector<Json> listed(const test::MiniFleet& fleet, const std::string& agent,
                         std::vector<std::string> command) {
  command.insert(command.end(), {"--format", "json"});
  return Json::parse(fleet.podman(agent, std::move(command)).out).items();
}

std::string mark_of(const Json& container) {
  for (const auto& variable : container["Config.Env"].items())
    if (variable.str().starts_with("MARK=")) return variable.str().substr(5);
  return "";
}

}  // namespace

void import_web_image(const test::MiniFleet& fleet, const std::string& agent) {
  const fs::path root = fleet.folder() / "image";
  fs::create_directories(root / "bin");
  fs::create_directories(root / "tmp");
  fs::copy_file(QLEET_TEST_WEB, root / "bin/web", fs::copy_options::overwrite_existing);
  const std::string archive = root.string() + ".tar";
  const auto packed = test::run({"tar", "-C", root, "-cf", archive, "."});
  const auto imported = fleet.podman(agent, {"import", "--change", "ENTRYPOINT [\"/bin/web\"]", "--change",
                                             "CMD [\"serve\", \"8080\"]", archive, "localhost/test-web:1"});
  if (packed.exit != 0 || imported.exit != 0)
    throw std::runtime_error("no image: " + packed.err + imported.err);
}

PodmanThings podman_things(const test::MiniFleet& fleet, const std::string& agent) {
  PodmanThings things;
  const auto add = [&](const Json& its, const std::string& what, const std::string& name) {
    const std::string resource = its.field(labels::kResource).str();
    if (resource.empty())
      things.strangers.push_back(what + " " + name);
    else
      things.of[resource].push_back(what);
  };
  std::vector<std::string> ids;
  for (const auto& container : listed(fleet, agent, {"ps", "--all"})) ids.push_back(container["Id"].str());
  if (!ids.empty()) {
    std::vector<std::string> inspect{"inspect", "--type", "container"};
    inspect.insert(inspect.end(), ids.begin(), ids.end());
    for (const auto& container : Json::parse(fleet.podman(agent, inspect).out).items())
      add(container["Config.Labels"],
          fmt::format("container {} {}", container["State.Status"].str(), mark_of(container)),
          container["Name"].str());
  }
  for (const auto& volume : listed(fleet, agent, {"volume", "ls"}))
    add(volume["Labels"], "volume", volume["Name"].str());
  for (const auto& network : listed(fleet, agent, {"network", "ls"}))
    if (network["name"].str() != "podman") add(network["labels"], "network", network["name"].str());
  std::istringstream secrets(fleet.podman(agent, {"secret", "ls", "--noheading"}).out);
  for (std::string line; std::getline(secrets, line);)
    if (!line.empty()) things.strangers.push_back("secret " + line);
  return things;
}

std::vector<Start> podman_starts(const test::MiniFleet& fleet, const std::string& agent) {
  std::vector<Start> out;
  std::ifstream in(fleet.agent_state(agent) / "containers/tmp/events.log");
  for (std::string line; std::getline(in, line);) {
    const Json event = Json::parse(line);
    if (event["Type"].str() != "container" || event["Status"].str() != "start") continue;
    const Json its = event["Attributes"];
    out.push_back({.id = event["ID"].str(),
                   .resource = its.field(labels::kResource).str(),
                   .revision = its.field(labels::kRevision).str(),
                   .replica = its.field(labels::kReplica).str() + "/" + its.field(labels::kContainer).str()});
  }
  return out;
}

}  // namespace qleet::chaos
