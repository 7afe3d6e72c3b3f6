#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "common/model/image_name.h"
#include "common/model/quantity.h"
#include "common/model/rules.h"

namespace qleet::model {
namespace {

using qleet::v1::ScoreContainer;
using qleet::v1::ScoreFile;
using qleet::v1::ScoreProbe;
using qleet::v1::ScoreResources;
using qleet::v1::ScoreVolume;

constexpr size_t kMaxVariables = 500;
constexpr size_t kMaxFiles = 100;
constexpr size_t kMaxVolumes = 100;
constexpr size_t kMaxArguments = 500;
constexpr size_t kMaxText = 128 * 1024;  // what Linux passes as one argument or variable

void check_image(const std::string& image, bool has_builds, const Place& place, Checks& checks) {
  if (image.empty())
    return checks.wrong(
        place, "is missing; name an image, or write \".\" and name it with qleet apply FILE --image IMAGE");
  if (image == ".") {
    if (!has_builds)
      checks.wrong(place,
                   "\".\" stands for an image that is named elsewhere, and this workload has no builds; name "
                   "an image here, or with qleet apply FILE --image IMAGE");
    return;
  }
  const bool good = std::ranges::all_of(image, [](unsigned char c) {
    return std::isalnum(c) || std::string_view("._-/:@").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (!good || image.size() > 500 || !std::isalnum(static_cast<unsigned char>(image.front()))) {
    return checks.wrong(place,
                        fmt::format("\"{}\" is not an image; write for example registry.example/shop/web:1.0",
                                    image.substr(0, 100)));
  }
  if (auto problem =
          repository_problem(image.find("://") == std::string::npos ? split_image(image).repository : image))
    checks.wrong(place, *std::move(problem));
}

bool is_base64(std::string_view text) {
  const auto end = text.find('=');
  const auto padding = end == std::string_view::npos ? std::string_view() : text.substr(end);
  return text.size() % 4 == 0 && (padding.empty() || padding == "=" || padding == "==") &&
         std::ranges::all_of(text.substr(0, end),
                             [](unsigned char c) { return std::isalnum(c) || c == '+' || c == '/'; });
}

bool is_mode(std::string_view mode) {
  if (mode.size() == 4 && mode.front() == '0') mode.remove_prefix(1);
  return mode.size() == 3 && std::ranges::all_of(mode, [](char c) { return c >= '0' && c <= '7'; });
}

// The path in the container, and that nothing else stands there.
void check_target(const std::string& target, const Place& place, const std::string& owner,
                  std::map<std::string, std::string>& targets, Checks& checks) {
  if (!checks.required(place, target)) return;
  if (target.front() != '/') return checks.wrong(place, fmt::format("\"{}\" must be a path from /", target));
  // Container engines part what is mounted from where by a colon.
  if ((target + "/").find("/../") != std::string::npos || target.find(':') != std::string::npos)
    return checks.wrong(place, fmt::format("\"{}\" must be a path without .. and :", target));
  const auto [other, fresh] = targets.emplace(target, owner);
  if (!fresh) checks.wrong(place, fmt::format("\"{}\" is already the target of a {}", target, other->second));
}

void check_file(const ScoreFile& file, const Place& place, Checks& checks) {
  const bool source = !file.source().empty();
  const bool binary = !file.binary_content().empty();
  if (source + file.has_content() + binary != 1) {
    checks.wrong(place, "takes exactly one of content, source and binaryContent");
  } else if (source) {
    checks.wrong(
        {&place, "source"},
        fmt::format(
            "\"{}\" is a file that the hub cannot see; put its text under content (qleet apply does it)",
            file.source()));
  }
  if (binary && !is_base64(file.binary_content())) checks.wrong({&place, "binaryContent"}, "is not base64");
  if (!file.mode().empty() && !is_mode(file.mode())) {
    checks.wrong({&place, "mode"},
                 fmt::format("\"{}\" is not a file mode; write for example 0644", file.mode()));
  }
}

void check_volume(const ScoreVolume& volume, const Place& place, Checks& checks) {
  checks.required({&place, "source"}, volume.source());
  if (("/" + volume.path() + "/").find("/../") != std::string::npos) {
    checks.wrong({&place, "path"},
                 fmt::format("\"{}\" must be a path inside the volume, without ..", volume.path()));
  }
  if (!volume.path().empty() && volume.target().find_first_of(",\"\n") != std::string::npos)
    checks.wrong({&place, "target"},
                 fmt::format("\"{}\" must hold no comma or quote where path is given", volume.target()));
}

template <class T>
void check_amount(const std::string& text, const Place& place, Result<T> (*parse)(std::string_view),
                  Checks& checks) {
  if (text.empty()) return;
  if (auto parsed = parse(text); !parsed) checks.wrong(place, parsed.error().message);
}

void check_resources(const ScoreResources& resources, const Place& place, Checks& checks) {
  for (const bool limits : {true, false}) {
    const Place here{&place, limits ? "limits" : "requests"};
    const auto& amounts = limits ? resources.limits() : resources.requests();
    check_amount(amounts.memory(), {&here, "memory"}, parse_memory, checks);
    check_amount(amounts.cpu(), {&here, "cpu"}, parse_cpu, checks);
  }
}

void check_probe(const ScoreProbe& probe, const Place& place, Checks& checks) {
  if (!probe.has_http_get() && !probe.has_exec())
    return checks.wrong(place, "takes httpGet, exec, or both (exec is preferred)");
  const Place exec{&place, "exec"};
  if (probe.has_exec() && probe.exec().command().empty()) checks.wrong({&exec, "command"}, "is missing");
  if (!probe.has_http_get()) return;
  const Place http{&place, "httpGet"};
  const auto& get = probe.http_get();
  checks.required({&http, "path"}, get.path());
  check_port_number({&http, "port"}, get.port(), checks);
  checks.one_of({&http, "scheme"}, get.scheme(), {"HTTP", "HTTPS"});
  const Place headers{&http, "httpHeaders"};
  for (int i = 0; i < get.http_headers_size(); ++i) {
    const Place here{&headers, {}, i};
    const auto& header = get.http_headers(i);
    const Place name{&here, "name"};
    const bool good = std::ranges::all_of(
        header.name(), [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; });
    if (checks.required(name, header.name()) && !good)
      checks.wrong(name, fmt::format("\"{}\" is not a header's name", header.name()));
    const Place value{&here, "value"};
    if (checks.required(value, header.value()) && header.value().find_first_of("\r\n") != std::string::npos)
      checks.wrong(value, "must be one line");
  }
}

void check_variables(const StringMap& variables, const Place& place, Checks& checks) {
  checks.at_most(place, variables.size(), kMaxVariables, "variables");
  for (const auto& key : sorted_keys(variables)) {
    const Place here{&place, key};
    if (key.empty()) checks.wrong(here, "a variable needs a name");
    if (key.find('=') != std::string::npos) checks.wrong(here, "a variable's name holds no =");
    checks.length(here, variables.at(key), kMaxText);
  }
}

}  // namespace

void check_container(const ScoreContainer& container, bool has_builds, const Place& place, Checks& checks) {
  check_image(container.image(), has_builds, {&place, "image"}, checks);
  checks.at_most({&place, "command"}, static_cast<size_t>(container.command_size()), kMaxArguments,
                 "entries");
  checks.at_most({&place, "args"}, static_cast<size_t>(container.args_size()), kMaxArguments, "entries");
  check_variables(container.variables(), {&place, "variables"}, checks);

  std::map<std::string, std::string> targets;
  const Place files{&place, "files"};
  checks.at_most(files, static_cast<size_t>(container.files_size()), kMaxFiles, "files");
  for (int i = 0; i < container.files_size(); ++i) {
    const Place here{&files, {}, i};
    check_target(container.files(i).target(), {&here, "target"}, "file", targets, checks);
    check_file(container.files(i), here, checks);
  }
  const Place volumes{&place, "volumes"};
  checks.at_most(volumes, static_cast<size_t>(container.volumes_size()), kMaxVolumes, "volumes");
  for (int i = 0; i < container.volumes_size(); ++i) {
    const Place here{&volumes, {}, i};
    check_target(container.volumes(i).target(), {&here, "target"}, "volume", targets, checks);
    check_volume(container.volumes(i), here, checks);
  }
  check_resources(container.resources(), {&place, "resources"}, checks);
  if (container.has_liveness_probe())
    check_probe(container.liveness_probe(), {&place, "livenessProbe"}, checks);
  if (container.has_readiness_probe())
    check_probe(container.readiness_probe(), {&place, "readinessProbe"}, checks);
}

}  // namespace qleet::model
