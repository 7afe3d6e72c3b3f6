// Names of resources (docs/architecture.md, "Objects and their names"). Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/result/result.h"

namespace qleet::hub::controllers {

// What a resource belongs to: the segments of its name. Empty: shared by all.
struct Home {
  std::string region;
  std::string environment;
  std::string application;
};

// Who asks.
struct Asker {
  Home home;
  std::string id;       // workload's name, or the asking resource's id
  std::string type;     // of the asking resource; empty where a workload asks under its own name
  bool own_id = false;  // its id was made here from its asker's, and so is already its alone
};

struct Identity {
  Home home;
  std::string id;
  bool own_id = false;
  std::string name(std::string_view type) const;
};

inline constexpr size_t kMaxResourceName = 240;

// Where a resource of the given scope stands, asked for by `asker` as `alias`, with `id` (may be empty).
Identity identify(std::string_view scope, const Asker& asker, std::string_view alias, std::string_view id);

}  // namespace qleet::hub::controllers
