// Names of resources (docs/resolution.md, "Objects and their names"). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"

namespace qleet::hub::controllers {

// What a resource belongs to: the segments of its name. Empty: shared by all.
struct Home {
  std::string region;
  std::string environment;
  std::string application;
  bool operator==(const Home&) const = default;
};

// Another id under which what asks is known, or was.
struct OtherId {
  std::string id;
  bool before_rename = false;  // that of the workload that it was renamed from, or of what that one had
  bool by_old_rule = false;    // joined with "-", as earlier versions did
  bool operator==(const OtherId&) const = default;
};

// Who asks.
struct Asker {
  Home home;
  std::string id;    // workload's name, or the asking resource's id
  std::string type;  // of the asking resource; empty where a workload asks for its own dependencies
  std::vector<OtherId> others;
};

struct Identity {
  Home home;
  std::string id;
  std::string name(std::string_view type) const;
  bool operator==(const Identity&) const = default;
};

inline constexpr size_t kMaxResourceName = 240;

// Parts of a resource's name; "-" is given as empty. Nullopt for what is none.
struct ResourceName {
  std::string region, environment, application, type, id;
};
std::optional<ResourceName> parse_resource_name(std::string_view name);

// Where a resource of the given scope stands that is asked for by `id`: whoever asks by the same id there
// shares it.
Identity identity_by_id(std::string_view scope, const Home& asker, std::string_view id);

// Where one stands that is asked for without an id. But for `shared` no two askers have the same, and no
// asker has one for two aliases.
struct OwnIdentity {
  Identity identity;
  // What a profile requires of a profile that serves a whole environment or region: one for all.
  bool shared = false;
};
OwnIdentity identity_of_own(std::string_view scope, const Asker& asker, std::string_view alias);

// Others that the same asker may hold instead, made by an earlier version or before a declared rename.
// Earlier versions gave some of them to several askers.
struct OtherIdentity {
  Identity identity;
  bool before_rename = false;
  bool by_old_rule = false;
};
std::vector<OtherIdentity> other_identities(std::string_view scope, const Asker& asker,
                                            std::string_view alias);

// The name by which its asker is known as a user of resources (x/uses), under one of its ids.
std::string user_name(const Asker& asker, std::string_view id);

// A name of at most 63 characters of [a-z0-9-] that no other resource has: a readable beginning, and a digest
// of the whole name. For what is made inside something shared, and for DNS.
std::string unique_name(const Identity& identity, std::string_view type);

}  // namespace qleet::hub::controllers
