#include "hub/controllers/route_claims.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "common/crypto/token.h"
#include "common/model/reasons.h"
#include "common/template/route_address.h"
#include "hub/controllers/releases.h"
#include "hub/controllers/resources.h"
#include "hub/controllers/store_sources.h"
#include "hub/store/keys.h"

namespace qleet::hub::controllers {
namespace {

constexpr std::string_view kRoute = "route";
constexpr std::string_view kRouter = "router";
const std::string kIndexed = keys::meta("hosts-indexed");

std::string text_param(const google::protobuf::Struct& params, const std::string& name) {
  const auto found = params.fields().find(name);
  return found == params.fields().end() ? std::string() : found->second.string_value();
}

std::string shown(const RouteClaim& claim) {
  return (claim.host.empty() ? "any host" : claim.host) + claim.path;
}

// Keys are bounded, hosts are long.
std::string digest_of(const RouteClaim& claim) {
  return crypto::sha256_hex(claim.router + "\n" + claim.host).substr(0, 32);
}

std::string key_of(const RouteClaim& claim) { return keys::host(digest_of(claim), claim.resource); }

void read_share(const google::protobuf::Struct& params, RouteClaim& claim) {
  const auto found = params.fields().find("share");
  if (found == params.fields().end()) return;
  claim.shared = found->second.bool_value();
  for (const auto& one : found->second.list_value().values()) claim.share.push_back(one.string_value());
}

RouteClaim as_stored(RouteClaim claim, const v1::Resource& resource) {
  claim.since = objects::wall_time(resource.metadata().creation_timestamp()).time_since_epoch().count();
  return claim;
}

// Claims of the same host and router as they stand.
Result<std::vector<RouteClaim>> stored_claims(const Reader& reader, const RouteClaim& wanted) {
  std::vector<RouteClaim> found;
  const auto add = [&](const v1::Resource& resource) {
    auto claim = claim_of(resource.metadata().name(), resource.spec());
    if (!claim || resource.spec().deleted() || resource.metadata().name() == wanted.resource) return;
    if (claim->router == wanted.router && claim->host == wanted.host)
      found.push_back(as_stored(*std::move(claim), resource));
  };
  if (!TRY(reader.get(kIndexed))) {
    for (const auto& resource : TRY(objects::list_readable<v1::Resource>(reader))) add(resource);
    return found;
  }
  for (const auto& entry : TRY(reader.scan({.prefix = keys::host(digest_of(wanted), "")}))) {
    if (const auto resource = TRY(objects::get<v1::Resource>(reader, keys::last(entry.key)))) add(*resource);
  }
  return found;
}

// What the deployment is to run, as far as the horizon reaches; nullopt: nothing.
Result<std::optional<v1::ReleaseSpec>> definition_of(const Reader& reader, const RouteClaim& claim,
                                                     Horizon horizon) {
  const auto deployment =
      TRY(objects::get<v1::Deployment>(reader, deployment_name(claim.application, claim.environment)));
  if (!deployment || deployment->spec().deleted()) return std::nullopt;
  const auto& spec = deployment->spec();
  const bool ahead = horizon == Horizon::kWaiting && spec.candidate() != 0 && !spec.rolled_back();
  const auto release = TRY(get_release(reader, claim.application, ahead ? spec.candidate() : spec.release()));
  if (!release) return std::nullopt;
  return release->spec();
}

// Whether its application asks for it: else the place is about to be free. What it runs counts, and not what
// was applied last: that may wait for approval, and a rollback goes back to what was applied before.
Result<bool> still_asked_for(const Reader& reader, const RouteClaim& claim, Horizon horizon) {
  const auto application = TRY(objects::get<v1::Application>(reader, claim.application));
  if (!application || application->metadata().has_deletion_timestamp()) return false;
  const auto release = TRY(definition_of(reader, claim, horizon));
  const auto environment = TRY(objects::get<v1::Environment>(reader, claim.environment));
  const auto parts = parse_resource_name(claim.resource);
  if (!release || !environment || !parts) return false;
  const auto region = TRY(objects::get<v1::Region>(reader, parts->region));
  if (!region) return false;
  StoreProfiles profiles(reader);
  // Also under a name that an earlier version gave it, or that it had before a rename.
  StoreSources sources(reader);
  const auto graph =
      TRY(resolve(sources.input(claim.application, release->definition(), *environment, *region, profiles)));
  if (graph.refusal) return true;  // what it has stays until it can be resolved
  return std::ranges::any_of(graph.nodes, [&](const Node& node) {
    const auto now = claim_of(node.name, node.spec);
    return now && now->router == claim.router && now->host == claim.host && now->path == claim.path;
  });
}

bool allowed(const RouteClaim& owner, const std::string& application) {
  return owner.shared || std::ranges::find(owner.share, application) != owner.share.end();
}

}  // namespace

std::optional<RouteClaim> claim_of(const std::string& name, const v1::ResourceSpec& spec) {
  if (spec.type() != kRoute) return std::nullopt;
  RouteClaim claim;
  claim.router = spec.region();
  for (const auto& [alias, dependency] : spec.dependencies()) {
    const auto parts = parse_resource_name(dependency);
    if (parts && parts->type == kRouter) claim.router = dependency;
  }
  claim.host = text_param(spec.params(), "host");
  claim.path = text_param(spec.params(), "path");
  if ((claim.host + claim.path).find("${") != std::string::npos) return std::nullopt;
  // What breaks the rules is refused where it is asked for; here it is just no other than itself.
  claim.host = templates::route_host(claim.host).value_or(claim.host);
  claim.path = templates::route_path(claim.path).value_or(claim.path);
  claim.resource = name;
  claim.application = spec.application();
  claim.environment = spec.environment();
  claim.since = std::numeric_limits<std::int64_t>::max();
  read_share(spec.params(), claim);
  return claim;
}

std::optional<ClaimDenial> why_denied(const RouteClaim& wanted, const std::vector<RouteClaim>& others) {
  const auto in_order = [](const RouteClaim& a, const RouteClaim& b) {
    return std::tie(a.since, a.resource) < std::tie(b.since, b.resource);
  };
  auto all = others;
  std::ranges::sort(all, in_order);
  for (const auto& other : all) {
    // What the same deployment has there passes over to it.
    if (other.path != wanted.path ||
        (other.application == wanted.application && other.environment == wanted.environment))
      continue;
    return ClaimDenial{
        fmt::format("{} is routed already, by application \"{}\" in environment {}; choose another "
                    "host or path",
                    shown(wanted), other.application, other.environment),
        std::string(reasons::kResourceConflict), other.resource};
  }
  if (all.empty() || all.front().application == wanted.application) return std::nullopt;
  const auto& owner = all.front();
  if (allowed(owner, wanted.application)) return std::nullopt;
  return ClaimDenial{
      fmt::format(
          "{} belongs to application \"{}\", whose route {} asked for it first; choose another host, or "
          "application \"{}\" allows it with share: [{}] under that route's params",
          wanted.host.empty() ? "any host" : "host " + wanted.host, owner.application,
          owner.host.empty() ? owner.path : owner.host + owner.path, owner.application, wanted.application),
      std::string(reasons::kNotAllowed), owner.resource};
}

Result<std::optional<Refusal>> check_claims(const Reader& reader, const Graph& graph, Horizon horizon) {
  std::map<std::tuple<std::string, std::string, std::string>, const Node*> own;
  for (const auto& node : graph.nodes) {
    const auto claim = claim_of(node.name, node.spec);
    if (!claim) continue;
    const auto refuse = [&](const std::string& reason, const std::string& message,
                            const std::string& resource, const char* param = "host") {
      return Refusal{reason, fmt::format("route of {}: {}", node.asked_by, message),
                     node.field.empty() ? "" : fmt::format("{}.params.{}", node.field, param), resource};
    };
    for (const auto& [param, read] : {std::pair("host", templates::route_host(claim->host)),
                                      std::pair("path", templates::route_path(claim->path))}) {
      if (!read)
        return refuse(std::string(reasons::kInvalidParams),
                      fmt::format("{}: {}", param, read.error().message), "", param);
    }
    const auto [other, fresh] = own.emplace(std::tuple(claim->router, claim->host, claim->path), &node);
    if (!fresh)
      return refuse(std::string(reasons::kResourceConflict),
                    fmt::format("{} is asked for by {} as well; choose another host or path", shown(*claim),
                                other->second->asked_by),
                    "");
    const auto standing = TRY(objects::get<v1::Resource>(reader, node.name));
    if (standing && !standing->spec().deleted()) {
      const auto now = claim_of(node.name, standing->spec());
      if (now && now->router == claim->router && now->host == claim->host && now->path == claim->path)
        continue;
    }
    auto others = TRY(stored_claims(reader, *claim));
    for (auto denial = why_denied(*claim, others); denial; denial = why_denied(*claim, others)) {
      const auto in_the_way = std::ranges::find(others, denial->resource, &RouteClaim::resource);
      if (TRY(still_asked_for(reader, *in_the_way, horizon)))
        return refuse(denial->reason, denial->message, denial->resource);
      others.erase(in_the_way);
    }
  }
  return std::optional<Refusal>();
}

Result<> index_claim(Work& work, const std::string& name, const v1::ResourceSpec* before,
                     const v1::ResourceSpec* after) {
  const auto old = before == nullptr ? std::nullopt : claim_of(name, *before);
  const auto now = after == nullptr ? std::nullopt : claim_of(name, *after);
  if (!old && !now) return {};
  if (!TRY(work.txn.get(kIndexed))) {
    // What cannot be read claims nothing.
    for (const auto& resource : TRY(objects::list_readable<v1::Resource>(work.txn))) {
      if (const auto claim = claim_of(resource.metadata().name(), resource.spec()))
        work.txn.put(key_of(*claim), "");
    }
    work.txn.put(kIndexed, "1");
  }
  if (old && now && key_of(*old) == key_of(*now)) return {};
  if (old) work.txn.erase(key_of(*old));
  if (now) work.txn.put(key_of(*now), "");
  return {};
}

}  // namespace qleet::hub::controllers
