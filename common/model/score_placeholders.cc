#include <fmt/format.h>

#include <set>

#include "common/model/placeholders.h"
#include "common/model/rules.h"
#include "common/model/volumes.h"
#include "common/template/score_text.h"

namespace qleet::model {
namespace {

using qleet::v1::Score;
using qleet::v1::ScoreContainer;
using templates::Path;
using templates::to_text;

std::string wrong_resource(const Score& score, const Path& path) {
  if (path.size() < 2)
    return fmt::format("{}: name a resource, for example ${{resources.db.host}}", to_text(path));
  if (score.resources().contains(path[1])) return {};
  auto names = sorted_keys(score.resources());
  return fmt::format("{}: no resource \"{}\" in this workload; {}", to_text(path), path[1],
                     there_is(std::move(names)));
}

std::string wrong_metadata(const Score& score, const Path& path) {
  if (path.size() < 2) return fmt::format("{}: name a field, for example ${{metadata.name}}", to_text(path));
  if (path[1] == "name") return {};
  // Where it runs.
  if (path.size() == 2 && (path[1] == "environment" || path[1] == "region")) return {};
  const auto* fields = &score.metadata().fields();
  for (size_t i = 1; i < path.size(); ++i) {
    const auto found = fields->find(path[i]);
    if (found == fields->end()) {
      return fmt::format("{}: no \"{}\" in the metadata of this workload's Score document", to_text(path),
                         path[i]);
    }
    fields = &found->second.struct_value().fields();
  }
  return {};
}

std::string wrong_placeholder(const Score& score, const Path& path) {
  if (path.front() == "resources") return wrong_resource(score, path);
  if (path.front() == "metadata") return wrong_metadata(score, path);
  return fmt::format(
      "{}: a placeholder here starts with resources or metadata; for a plain \"${{\" write $${{",
      to_text(path));
}

bool is_undeclared_volume(const Score& score, const std::string& source) {
  return source.size() > 1 && is_name(source) && !score.resources().contains(source);
}

void check_source(const Score& score, const std::string& source, const Place& place, Checks& checks) {
  if (source.empty()) return;
  std::string name = source;  // a resource may also be named without a placeholder
  if (is_undeclared_volume(score, source)) {
    const auto near = nearest(source, sorted_keys(score.resources()));
    if (!near.empty())
      checks.wrong(place,
                   fmt::format("no resource \"{}\" in this workload; did you mean \"{}\"?", source, near));
    return;
  }
  if (!score.resources().contains(source)) {
    const auto paths = templates::references(source);
    if (!paths) return checks.wrong(place, paths.error().message);
    if (paths->size() != 1 || to_text(paths->front()) != source || paths->front().front() != "resources") {
      return checks.wrong(
          place, fmt::format("\"{}\" must be a placeholder for a resource of type volume, for example "
                             "${{resources.data}}, or the name of one; {}",
                             source, there_is(sorted_keys(score.resources()))));
    }
    if (auto message = wrong_placeholder(score, paths->front()); !message.empty())
      return checks.wrong(place, std::move(message));
    const auto& path = paths->front();
    // Another output may hold what somebody wrote, and so the name of somebody else's volume.
    if (path.size() > 2 && (path.size() > 3 || (path[2] != "name" && path[2] != "source")))
      return checks.wrong(place, fmt::format("{}: a volume is named by the resource alone: ${{resources.{}}}",
                                             source, path[1]));
    name = path[1];
  }
  const auto& type = score.resources().at(name).type();
  if (type != "volume" && !type.empty())
    checks.wrong(place, fmt::format("{}: \"{}\" is of type {}; a volume's source has type volume", source,
                                    name, type));
}

void check_container_placeholders(const Score& score, const ScoreContainer& container, const Place& place,
                                  const PlaceholderRule& rule, Checks& checks) {
  const Place variables{&place, "variables"};
  for (const auto& key : sorted_keys(container.variables()))
    check_score_text(container.variables().at(key), {&variables, key}, rule, checks);
  const Place files{&place, "files"};
  for (int i = 0; i < container.files_size(); ++i) {
    const Place here{&files, {}, i};
    if (!container.files(i).no_expand())
      check_score_text(container.files(i).content(), {&here, "content"}, rule, checks);
  }
  const Place volumes{&place, "volumes"};
  for (int i = 0; i < container.volumes_size(); ++i) {
    const Place here{&volumes, {}, i};
    check_source(score, container.volumes(i).source(), {&here, "source"}, checks);
  }
}

}  // namespace

std::vector<std::string> undeclared_volumes(const Score& score) {
  std::set<std::string> found;
  for (const auto& [name, container] : score.containers()) {
    for (const auto& volume : container.volumes()) {
      if (is_undeclared_volume(score, volume.source())) found.insert(volume.source());
    }
  }
  return {found.begin(), found.end()};
}

void check_score_text(std::string_view text, const Place& place, const PlaceholderRule& rule,
                      Checks& checks) {
  const auto read = templates::from_score(text);
  if (!read) return checks.wrong(place, read.error().message);
  check_placeholders(*read, place, rule, checks);
}

void check_score_params(const google::protobuf::Struct& params, const Place& place,
                        const PlaceholderRule& rule, Checks& checks) {
  const auto read = templates::from_score(params);
  if (!read) return checks.wrong(place, read.error().message);
  check_placeholders(*read, place, rule, checks);
}

void check_score_placeholders(const Score& score, const Place& place, Checks& checks) {
  const PlaceholderRule rule = [&](const Path& path) { return wrong_placeholder(score, path); };
  const Place containers{&place, "containers"};
  for (const auto& name : sorted_keys(score.containers()))
    check_container_placeholders(score, score.containers().at(name), {&containers, name}, rule, checks);
  const Place resources{&place, "resources"};
  for (const auto& name : sorted_keys(score.resources())) {
    const Place here{&resources, name};
    const PlaceholderRule not_itself = [&](const Path& path) -> std::string {
      if (path.size() > 1 && path[0] == "resources" && path[1] == name)
        return fmt::format("{}: the params of \"{}\" cannot draw on itself", to_text(path), name);
      return wrong_placeholder(score, path);
    };
    check_score_params(score.resources().at(name).params(), {&here, "params"}, not_itself, checks);
  }
}

}  // namespace qleet::model
