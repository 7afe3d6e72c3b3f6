#include "hub/controllers/identity.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/crypto/token.h"

namespace qleet::hub::controllers {
namespace {

constexpr size_t kMaxId = 63;
constexpr size_t kDigest = 16;
constexpr size_t kOldDigest = 8;
constexpr std::string_view kDefault = "default";

// Ids grow with depth; a long one keeps its beginning, for people, and a digest of the whole.
std::string bounded(std::string id, size_t digest) {
  if (id.size() <= kMaxId) return id;
  const auto tail = crypto::sha256_hex(id).substr(0, digest);
  return id.substr(0, kMaxId - digest - 1) + "-" + tail;
}

// Neither types, nor workloads, nor aliases have dots: one dot for a workload's own, two and more below. What
// stands between the first and the last is the asking resource's id.
std::string own_id(std::string_view type, std::string_view asker, std::string_view alias) {
  auto id = fmt::format("{}.{}", asker, alias);
  if (!type.empty()) id = fmt::format("{}.{}", type, id);
  return bounded(std::move(id), kDigest);
}

// As earlier versions joined them, where the asker's id was made by them as well, or is a workload's name.
std::string old_id(std::string_view asker, std::string_view alias) {
  return bounded(fmt::format("{}-{}", asker, alias), kOldDigest);
}
// And where its asker had given it.
std::string old_typed_id(std::string_view type, std::string_view asker, std::string_view alias) {
  return bounded(fmt::format("{}-{}-{}", type, asker, alias), kOldDigest);
}

std::string_view or_dash(std::string_view segment) { return segment.empty() ? "-" : segment; }

bool serves_many(std::string_view scope) { return scope == "environment" || scope == "region"; }

Home shared_home(std::string_view scope, Home home) {
  if (serves_many(scope)) home.application.clear();
  if (scope == "region") home.environment.clear();
  return home;
}

}  // namespace

std::string Identity::name(std::string_view type) const {
  return fmt::format("{}.{}.{}.{}.{}", home.region, or_dash(home.environment), or_dash(home.application),
                     type, id);
}

std::optional<ResourceName> parse_resource_name(std::string_view name) {
  ResourceName parts;
  for (auto* part : {&parts.region, &parts.environment, &parts.application, &parts.type}) {
    const auto dot = name.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    *part = name.substr(0, dot);
    if (*part == "-") part->clear();
    name.remove_prefix(dot + 1);
  }
  parts.id = name;
  if (parts.region.empty() || parts.type.empty() || parts.id.empty()) return std::nullopt;
  return parts;
}

Identity identity_by_id(std::string_view scope, const Home& asker, std::string_view id) {
  return {shared_home(scope, asker), std::string(id)};
}

OwnIdentity identity_of_own(std::string_view scope, const Asker& asker, std::string_view alias) {
  if (serves_many(scope) && !asker.type.empty())
    return {{shared_home(scope, asker.home), std::string(kDefault)}, true};
  return {{asker.home, own_id(asker.type, asker.id, alias)}, false};
}

std::vector<OtherIdentity> other_identities(std::string_view scope, const Asker& asker,
                                            std::string_view alias) {
  const auto own = identity_of_own(scope, asker, alias);
  std::vector<OtherIdentity> found;
  if (own.shared) return found;
  const auto add = [&](std::string id, bool before_rename, bool by_old_rule) {
    const Identity identity{asker.home, std::move(id)};
    const auto known = std::ranges::find(found, identity, &OtherIdentity::identity) != found.end();
    if (!known && identity != own.identity) found.push_back({identity, before_rename, by_old_rule});
  };
  for (const auto& other : asker.others) {
    if (!other.by_old_rule) add(own_id(asker.type, other.id, alias), other.before_rename, false);
    const bool plain = other.by_old_rule || asker.type.empty();
    add(plain ? old_id(other.id, alias) : old_typed_id(asker.type, other.id, alias), other.before_rename,
        true);
  }
  const bool shared_before = serves_many(scope) && asker.type.empty();
  const Identity for_all{shared_home(scope, asker.home), std::string(kDefault)};
  const auto renamed = std::ranges::find(asker.others, true, &OtherId::before_rename);
  if (shared_before && renamed != asker.others.end()) found.push_back({for_all, true, true});
  add(old_id(asker.id, alias), false, true);
  if (!asker.type.empty()) add(old_typed_id(asker.type, asker.id, alias), false, true);
  // What a workload asked for without an id was shared.
  if (shared_before) found.push_back({for_all, false, true});
  return found;
}

std::string user_name(const Asker& asker, std::string_view id) {
  return Identity{asker.home, std::string(id)}.name(asker.type.empty() ? "workload" : asker.type);
}

std::string unique_name(const Identity& identity, std::string_view type) {
  constexpr size_t kReadable = 63 - kDigest - 1;
  const auto whole = identity.name(type);
  std::string readable;
  for (const char c : fmt::format(
           "{}.{}", identity.home.application.empty() ? type : identity.home.application, identity.id)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool upper = c >= 'A' && c <= 'Z';
    readable += plain ? c : upper ? static_cast<char>(c - 'A' + 'a') : '-';
  }
  readable.resize(std::min(readable.size(), kReadable));
  while (readable.ends_with('-')) readable.pop_back();
  return fmt::format("{}-{}", readable, crypto::sha256_hex(whole).substr(0, kDigest));
}

}  // namespace qleet::hub::controllers
