#include "agent/engine/kept_secrets.h"

#include <algorithm>
#include <map>
#include <set>

namespace qleet::agent {
namespace {

constexpr std::string_view kVolume = "volume";

void collect(const Graph& graph, const Node& node, std::set<std::string>& visited,
             std::vector<std::string>& keepers) {
  const std::map<std::string, std::string> by_alias(node.spec().dependencies().begin(),
                                                    node.spec().dependencies().end());
  for (const auto& [alias, name] : by_alias) {
    const Node* dependency = graph.find(name);
    if (!dependency || !visited.insert(name).second) continue;
    if (bears_data(dependency->spec()))
      keepers.push_back(name);
    else if (dependency->runtime.secrets().generated().empty())
      collect(graph, *dependency, visited, keepers);
  }
}

bool still_uses(const Graph& graph, const std::string& name, const std::string& keeper) {
  const Node* user = graph.find(name);
  if (!user || user->gone() || user->tombstone()) return false;
  const auto keepers = keepers_of(graph, *user);
  return std::ranges::find(keepers, keeper) != keepers.end();
}

// What others of the same type left with the keeper under that name.
std::set<std::string> left_behind(const Graph& graph, const Node& node, const Node& keeper,
                                  const std::string& secret) {
  std::set<std::string> values;
  const std::string prefix = node.spec().type() + "/";
  const std::string suffix = "/" + secret;
  for (const auto& [key, value] : keeper.runtime.secrets().kept()) {
    if (!key.starts_with(prefix) || !key.ends_with(suffix) || key.size() <= prefix.size() + suffix.size())
      continue;
    const auto owner = key.substr(prefix.size(), key.size() - prefix.size() - suffix.size());
    if (owner != node.name && !still_uses(graph, owner, keeper.name)) values.insert(value);
  }
  return values;
}

}  // namespace

bool bears_data(const wire::v1::DesiredResource& resource) {
  return resource.keeps_data() || resource.type() == kVolume;
}

bool keeps_data(const wire::v1::DesiredResource& resource) {
  return resource.has_keeps_data() ? resource.keeps_data() : resource.type() == kVolume;
}

std::vector<std::string> keepers_of(const Graph& graph, const Node& node) {
  std::vector<std::string> keepers;
  std::set<std::string> visited{node.name};
  collect(graph, node, visited, keepers);
  return keepers;
}

bool holds_data(const Graph& graph, const Node& node) {
  return bears_data(node.spec()) && keepers_of(graph, node).empty();
}

std::string kept_key(const Node& node, const std::string& secret) {
  return node.spec().type() + "/" + node.name + "/" + secret;
}

SecretChoice choose_secret(const Graph& graph, const Node& node, const std::vector<std::string>& keepers,
                           const std::string& secret) {
  const std::string key = kept_key(node, secret);
  for (const auto& name : keepers) {
    const auto& kept = graph.find(name)->runtime.secrets().kept();
    if (const auto own = kept.find(key); own != kept.end()) return {.value = own->second, .unknown_to = {}};
  }
  std::set<std::string> inherited;
  for (const auto& name : keepers) inherited.merge(left_behind(graph, node, *graph.find(name), secret));
  if (inherited.size() == 1) return {.value = *inherited.begin(), .unknown_to = {}};
  const auto& generated = node.runtime.secrets().generated();
  if (const auto had = generated.find(secret); had != generated.end())
    return {.value = had->second, .unknown_to = {}};
  if (keepers.empty() && bears_data(node.spec()) && node.runtime.found())
    return {.value = {}, .unknown_to = node.name};
  for (const auto& name : keepers)
    if (graph.find(name)->runtime.found()) return {.value = {}, .unknown_to = name};
  return {};
}

}  // namespace qleet::agent
