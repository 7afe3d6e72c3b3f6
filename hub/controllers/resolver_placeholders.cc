// What placeholders mean while a graph is resolved, and a node's content once they are filled in.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "common/clock/duration.h"
#include "common/crypto/token.h"
#include "common/model/keeping.h"
#include "common/model/model.h"
#include "common/model/reasons.h"
#include "hub/controllers/digest.h"
#include "hub/controllers/resolution.h"
#include "hub/controllers/resource_size.h"

namespace qleet::hub::controllers::resolution {
namespace {

constexpr Millis kDefaultGrace = std::chrono::minutes(10);

// An environment shortens the grace period of what is its own. What all environments of a region share has no
// one environment to say so.
Result<> set_policy(v1::ResourceSpec& spec, const v1::Profile& profile, const v1::Environment* environment) {
  model::set_keeping(spec, profile.spec());
  const auto& told = profile.spec().when_unused();
  auto grace = told.after().empty() ? kDefaultGrace : TRY(parse_duration(told.after()));
  if (environment != nullptr && !environment->spec().unused_after().empty())
    grace = std::min(grace, TRY(parse_duration(environment->spec().unused_after())));
  if (spec.type() == kWorkload) grace = Millis(0);
  spec.mutable_when_unused()->set_after_ms(static_cast<std::uint64_t>(grace.count()));
  return {};
}

}  // namespace

Value text_value(std::string text) {
  Value value;
  value.set_string_value(std::move(text));
  return value;
}

std::string written(const templates::Path& path) { return templates::to_text(path); }

std::vector<std::string> keys_of(const Struct& fields) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : fields.fields()) keys.push_back(key);
  std::ranges::sort(keys);
  return keys;
}

std::string there_is(const std::vector<std::string>& names) {
  return names.empty() ? "there is none" : fmt::format("there is: {}", fmt::join(names, ", "));
}

std::string Resolver::late_alias(const Link& link) {
  const auto id = link.resource.substr(link.resource.rfind('.') + 1);
  const auto digest = crypto::sha256_hex(link.resource);
  auto alias = fmt::format("from-{}-{}", id, digest.substr(0, 6));
  // A short digest is the same for two by chance, or because somebody looked for one: the second has all of
  // it.
  const auto [known, fresh] = late_.emplace(alias, link);
  if (fresh || known->second.resource == link.resource) return alias;
  alias = fmt::format("from-{}-{}", id, digest);
  late_[alias] = link;
  return alias;
}

Result<> Resolver::check_output(const Link& link, const templates::Path& path, const std::string& where,
                                const std::string& field) {
  std::vector<std::string> outputs;
  if (link.values)
    for (const auto& [name, value] : *link.values) outputs.push_back(name);
  else
    outputs = keys_of(link.profile->spec().outputs());
  if (path.size() == 3 && std::ranges::binary_search(outputs, path[2])) return {};
  const auto near = path.size() == 3 ? model::nearest(path[2], outputs) : std::string();
  const auto hint =
      fmt::format("{}{}", near.empty() ? "" : fmt::format("did you mean \"{}\"? ", near), there_is(outputs));
  if (link.profile == nullptr && link.type == kEnvironmentType) {
    return refuse(
        reasons::kInvalidTemplate,
        fmt::format("{}{}: environment {} has no such variable; {}; set it under its spec.variables, or give "
                    "a value for where it is not set under the params of \"{}\"",
                    where, written(path), in_.environment->metadata().name(), hint, path[1]),
        field);
  }
  if (const auto secret = secrets_.find(link.profile.get()); secret != secrets_.end())
    return refuse(
        reasons::kNoSecret,
        fmt::format("{}{}: Secret {} has no such key; {}", where, written(path), secret->second.name(), hint),
        field);
  const auto by =
      link.profile == nullptr ? "" : fmt::format(" (profile {})", link.profile->metadata().name());
  return refuse(reasons::kInvalidTemplate,
                fmt::format("{}{}: {}{} has no such output; {}", where, written(path), link.type, by, hint),
                field);
}

Result<Value> Resolver::resource_metadata(const Identity& identity, const std::string& type,
                                          const std::string& workload, const templates::Path& path) {
  std::map<std::string, std::string> known = {
      {"application", identity.home.application},
      {"environment", identity.home.environment},
      {"id", identity.id},
      {"name", identity.name(type)},
      {"region", identity.home.region},
      {"type", type},
      {"uniqueName", unique_name(identity, type)},
  };
  if (!workload.empty()) known.emplace("workload", workload);
  const auto found = path.size() == 2 ? known.find(path[1]) : known.end();
  if (found != known.end()) return text_value(found->second);
  if (path.size() == 2 && path[1] == "workload") {
    return fail(Code::kInvalid, fmt::format("{}: only what a workload asks for itself, with scope workload, "
                                            "has one",
                                            written(path)));
  }
  return fail(
      Code::kInvalid,
      fmt::format("{}: there is: annotations.<name>, application, environment, id, name, region, type, "
                  "uniqueName, workload",
                  written(path)));
}

Result<Value> Resolver::variable(const Home& home, const templates::Path& path, const std::string& where) {
  if (home.environment.empty()) {
    return refuse(
        reasons::kInvalidTemplate,
        fmt::format("{}{}: what all environments of a region share cannot draw on the variables of one",
                    where, written(path)),
        "");
  }
  const auto& variables = in_.environment->spec().variables();
  const auto found = path.size() == 2 ? variables.find(path[1]) : variables.end();
  if (found != variables.end()) return text_value(found->second);
  std::vector<std::string> names;
  for (const auto& [key, value] : variables) names.push_back(key);
  std::ranges::sort(names);
  return refuse(reasons::kInvalidTemplate,
                fmt::format("{}{}: environment {} has no such variable; {}", where, written(path),
                            in_.environment->metadata().name(), there_is(names)),
                "");
}

Result<std::string> Resolver::score_reference(Frame& frame, const templates::Path& path,
                                              const std::string& field) {
  std::vector<std::string> known;
  for (const auto& [alias, wanted] : frame.wanted) known.push_back(alias);
  const auto found = path.size() >= 2 ? frame.done.find(path[1]) : frame.done.end();
  if (found == frame.done.end()) {
    return refuse(reasons::kInvalidTemplate,
                  fmt::format("{}: no resource \"{}\" in this workload; {}", written(path),
                              path.size() >= 2 ? path[1] : "", there_is(known)),
                  field);
  }
  auto full = path;
  // Score names a volume by the resource alone.
  if (full.size() == 2) full.push_back("name");
  // A key of a Secret may hold dots: tls.crt.
  if (secrets_.contains(found->second.profile.get())) {
    while (full.size() > 3) {
      full[full.size() - 2] += "." + full.back();
      full.pop_back();
    }
  }
  TRY(check_output(found->second, full, "", field));
  if (found->second.values) return templates::escape(text_of(found->second.values->at(full[2])));
  return written(full);
}

Result<Struct> Resolver::wanted_params(Frame& frame, const std::string& alias, const Wanted& wanted) {
  const auto where = fmt::format("{}, params of \"{}\": ", frame.who, alias);
  const auto field = wanted.field.empty() ? "" : wanted.field + ".params";
  const bool in_profile = frame.profile != nullptr;
  const templates::Lookup lookup = [&](const templates::Path& path) -> Result<std::optional<Value>> {
    const auto& head = path.front();
    if (head == frame.prefix) {
      if (path.size() < 2 || !frame.wanted.contains(path[1])) {
        std::vector<std::string> known;
        for (const auto& [name, other] : frame.wanted) known.push_back(name);
        return refuse(reasons::kInvalidTemplate,
                      fmt::format("{}{}: {}", where, written(path), there_is(known)), field);
      }
      const auto target = TRY(link(frame, path[1]));
      TRY(check_output(target, path, where, field));
      if (target.values) return templates::escape(target.values->at(path[2]));
      return text_value(written({"resources", late_alias(target), path[2]}));
    }
    if (head == "metadata") return templates::escape(TRY(frame.metadata(path)));
    if (in_profile && head == "variables") return templates::escape(TRY(variable(frame.home, path, where)));
    if (in_profile && head == "params") {
      const auto found =
          path.size() == 2 ? frame.params->fields().find(path[1]) : frame.params->fields().end();
      if (found != frame.params->fields().end()) return found->second;
      return refuse(
          reasons::kInvalidTemplate,
          fmt::format("{}{}: the profile has no such parameter, or it was not given and has no default",
                      where, written(path)),
          field);
    }
    return refuse(reasons::kInvalidTemplate,
                  fmt::format("{}{} has no meaning here; {}", where, written(path),
                              in_profile ? "params, requires, variables and metadata have"
                                         : "resources and metadata have"),
                  field);
  };
  auto expanded = templates::expand(wanted.params, lookup, false);
  if (!expanded && !refusal_) return refuse(reasons::kInvalidParams, where + expanded.error().message, field);
  return expanded;
}

// What cannot be sent to an agent is refused here, where somebody can still be told.
Result<> Resolver::check_size(const Node& node, const Ask& ask) {
  const auto bytes = content_bytes(node.spec);
  if (bytes <= kMaxContentBytes) return {};
  const auto largest = largest_part(node.spec.template_());
  auto field = ask.wanted->field;
  // The workload's own Score document, as it stands in the application.
  if (!field.empty() && ask.score != nullptr && largest.path.starts_with("score."))
    field += "." + largest.path;
  return refuse(
      reasons::kResourceTooLarge,
      fmt::format("{} \"{}\" ({}) takes {} KB, at most {} KB can be sent to an agent; {} of them are "
                  "{}: take it out, for example into the image",
                  node.spec.type(), node.spec.id(), asked_for_by(ask), in_kb(bytes), in_kb(kMaxContentBytes),
                  in_kb(largest.bytes), largest.path),
      field);
}

// Template, outputs, dependencies, hash.
Result<> Resolver::fill(Node& node, const Ask& ask, const ProfilePtr& profile, Frame& below) {
  auto& spec = node.spec;
  const auto where = fmt::format("profile {}: ", profile->metadata().name());
  std::map<std::string, std::string> renamed;  // requires' alias -> alias here
  for (const auto& [alias, made] : below.done) {
    if (made.values) continue;
    auto& name = renamed[alias] = alias;
    while (ask.score != nullptr && ask.score->done.contains(name)) name = "requires-" + name;
    (*spec.mutable_dependencies())[renamed[alias]] = made.resource;
  }
  if (ask.score != nullptr) {
    for (const auto& [alias, made] : ask.score->done) {
      if (made.values) continue;
      (*spec.mutable_dependencies())[alias] = made.resource;
      graph_.edges.push_back({node.name, made.resource, alias});
    }
  }
  const templates::Lookup lookup = [&](const templates::Path& path) -> Result<std::optional<Value>> {
    const auto& head = path.front();
    if (head == "params") {
      const auto found =
          path.size() == 2 ? below.params->fields().find(path[1]) : below.params->fields().end();
      if (found != below.params->fields().end()) return found->second;
      if (path.size() == 2 && profile->spec().parameters().fields().contains(path[1])) {
        return refuse(
            reasons::kInvalidParams,
            fmt::format("params.{} of {} \"{}\" ({}): must be given, profile {} has no default for it",
                        path[1], spec.type(), spec.id(), asked_for_by(ask), profile->metadata().name()),
            ask.wanted->field.empty() ? "" : fmt::format("{}.params.{}", ask.wanted->field, path[1]));
      }
      return refuse(reasons::kInvalidTemplate,
                    fmt::format("{}{}: no such parameter; {}", where, written(path),
                                there_is(keys_of(profile->spec().parameters()))),
                    "");
    }
    if (head == "variables") return templates::escape(TRY(variable(below.home, path, where)));
    if (head == "metadata") return templates::escape(TRY(below.metadata(path)));
    if (head == "generated" || head == "self") return std::nullopt;
    if (head == "requires") {
      const auto found = path.size() >= 2 ? below.done.find(path[1]) : below.done.end();
      if (found == below.done.end()) {
        std::vector<std::string> known;
        for (const auto& [alias, made] : below.done) known.push_back(alias);
        return refuse(
            reasons::kInvalidTemplate,
            fmt::format("{}{}: it requires nothing of that name; {}", where, written(path), there_is(known)),
            "");
      }
      TRY(check_output(found->second, path, where, ""));
      if (found->second.values) return templates::escape(found->second.values->at(path[2]));
      if (renamed[path[1]] == path[1]) return std::nullopt;
      return text_value(written({"requires", renamed[path[1]], path[2]}));
    }
    return refuse(
        reasons::kInvalidTemplate,
        fmt::format("{}{}: unknown; there is: params, requires, generated, variables, self, metadata", where,
                    written(path)),
        "");
  };
  const auto expanded = [&](const Struct& source, std::string_view part) -> Result<Struct> {
    auto result = templates::expand(source, lookup, false);
    if (!result && !refusal_)
      return refuse(reasons::kInvalidTemplate, fmt::format("{}{}: {}", where, part, result.error().message),
                    "");
    return result;
  };
  *spec.mutable_template_() = TRY(expanded(profile->spec().template_(), "template"));
  *spec.mutable_outputs() = TRY(expanded(profile->spec().outputs(), "outputs"));

  // What came in with params.
  for (const auto* part : {&spec.template_(), &spec.outputs()}) {
    for (const auto& path : TRY(templates::references(*part))) {
      if (path.front() != "resources" || path.size() < 2) continue;
      const auto late = late_.find(path[1]);
      if (late == late_.end()) continue;
      if (spec.dependencies().contains(path[1])) continue;
      (*spec.mutable_dependencies())[path[1]] = late->second.resource;
      graph_.edges.push_back({node.name, late->second.resource, path[1]});
    }
  }
  spec.set_hash(content_hash(spec, drawn_secrets(spec)));

  TRY(check_size(node, ask));
  return set_policy(spec, *profile, below.home.environment.empty() ? nullptr : in_.environment);
}

}  // namespace qleet::hub::controllers::resolution
