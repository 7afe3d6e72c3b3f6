#include "cli/context.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace qleet::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read before any thread starts
  return value ? value : "";
}

Result<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::kInvalid, path.string() + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

std::filesystem::path Contexts::default_path() {
  if (auto path = environment("QLEET_CONFIG"); !path.empty()) return path;
  if (auto base = environment("XDG_CONFIG_HOME"); !base.empty())
    return std::filesystem::path(base) / "qleet/config.yaml";
  return std::filesystem::path(environment("HOME")) / ".config/qleet/config.yaml";
}

Result<Contexts> Contexts::load(const std::filesystem::path& path) {
  Contexts result;
  result.path_ = path;
  if (!std::filesystem::exists(path)) return result;
  try {
    const YAML::Node root = YAML::LoadFile(path.string());
    result.current = root["current"].as<std::string>("");
    for (const auto& entry : root["contexts"]) {
      HubContext& context = result.contexts[entry.first.as<std::string>()];
      context.url = entry.second["hub"].as<std::string>("");
      context.token = entry.second["token"].as<std::string>("");
      context.ca_pem = entry.second["ca"].as<std::string>("");
    }
  } catch (const YAML::Exception& e) {
    return fail(Code::kInvalid,
                path.string() + ": " + e.what() + "; repair it, or remove it and run qleet context set NAME");
  }
  return result;
}

Result<> Contexts::save() const {
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "current" << YAML::Value << current << YAML::Key << "contexts"
      << YAML::Value << YAML::BeginMap;
  for (const auto& [name, context] : contexts) {
    out << YAML::Key << name << YAML::Value << YAML::BeginMap;
    out << YAML::Key << "hub" << YAML::Value << context.url;
    if (!context.token.empty()) out << YAML::Key << "token" << YAML::Value << context.token;
    if (!context.ca_pem.empty()) out << YAML::Key << "ca" << YAML::Value << YAML::Literal << context.ca_pem;
    out << YAML::EndMap;
  }
  out << YAML::EndMap << YAML::EndMap;

  std::error_code error;
  std::filesystem::create_directories(path_.parent_path(), error);
  const auto part = path_.string() + ".part";
  const int fd = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::kInternal, part + ": cannot be written");
  const std::string text = std::string(out.c_str()) + "\n";
  const bool written =
      ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!written || ::rename(part.c_str(), path_.c_str()) != 0)
    return fail(Code::kInternal, path_.string() + ": cannot be written");
  return {};
}

Result<HubContext> resolve_context(const Contexts& contexts, const std::string& wanted) {
  HubContext result;
  const std::string name = wanted.empty() ? contexts.current : wanted;
  if (const auto it = contexts.contexts.find(name); it != contexts.contexts.end()) {
    result = it->second;
  } else if (!wanted.empty()) {
    std::string known;
    for (const auto& [other, _] : contexts.contexts) known += (known.empty() ? "" : ", ") + other;
    return fail(Code::kInvalid,
                "no context \"" + wanted + "\"; there is: " + (known.empty() ? "none" : known));
  }
  if (auto url = environment("QLEET_HUB"); !url.empty()) result.url = url;
  if (auto token = environment("QLEET_TOKEN"); !token.empty()) result.token = token;
  if (auto file = environment("QLEET_CA"); !file.empty()) result.ca_pem = TRY(read_file(file));
  if (result.url.empty()) {
    return fail(Code::kInvalid,
                "no hub is known; run: qleet login https://HOST:7443 --ca FILE (or set QLEET_HUB, "
                "QLEET_TOKEN, QLEET_CA)");
  }
  while (result.url.ends_with('/')) result.url.pop_back();
  return result;
}

}  // namespace qleet::cli
