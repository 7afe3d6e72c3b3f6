// From one application's definition to the graph of resources that it needs in one region of one environment,
// down to whatever requires nothing more. Pure, but for where profiles, and what stands already, are read
// from.
//
// Two passes fill in templates. Here: ${params.*}, ${variables.*} and ${metadata.*} (name, uniqueName, type,
// id, region, environment, application of the resource; workload: the resource of the workload that asks,
// with scope workload). Left for the agent: ${requires.*}, ${resources.*},
// ${generated.*} and ${self.*}, of which those that name another resource's output are checked here. A
// workload's Score document goes into its profile's template as a value (${params.score}) and is not expanded
// again; its own
// ${metadata.*} are filled in from the document, and what must stay literal is escaped for the agent's pass.
//
// What the environment says of the application (values.h) is put over it first.
//
// Some dependencies are no resources: the hub itself works out their outputs, and puts them in where they are
// asked for. These are types that are built in (offers.h), where no profile satisfies them, and what profiles
// of provider "values" satisfy. A workload that others ask for as a service is told its name
// (score.service.hostname).
//
// Params may hold ${resources.<name>.<output>} (Score) or ${requires.<alias>.<output>} (a profile's
// requires): the resource that receives them then depends on the one named, under an alias
// "from-<id>-<digest>".
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/holdings.h"
#include "hub/controllers/offers.h"
#include "hub/controllers/profiles.h"
#include "hub/controllers/secrets.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::controllers {

inline constexpr size_t kMaxGraphNodes = 1000;
inline constexpr size_t kMaxGraphDepth = 32;

struct ResolveInput {
  std::string_view application;
  const v1::ApplicationSpec* definition = nullptr;
  const v1::Environment* environment = nullptr;
  const v1::Region* region = nullptr;
  // Those that the release pins for this environment: preferred over the newest where one of them serves.
  std::vector<ProfilePtr> pinned;
  ProfileSource* profiles = nullptr;
  // Null: nothing stands yet.
  Holdings* holdings = nullptr;
  // Roles of who applies the application. Null: they are not asked about, for what was allowed once stays so.
  const std::vector<std::string>* roles = nullptr;
  // Where nobody applies: profiles, by name, that somebody who may have them has applied it with, or that it
  // has already. Others that are kept to roles are refused. Null: not asked about.
  const std::set<std::string>* granted = nullptr;
  // Null: nobody offers anything.
  Offers* offers = nullptr;
  // Null: there are no Secrets.
  SecretSource* secrets = nullptr;
};

struct Node {
  std::string name;
  v1::ResourceSpec spec;
  std::string scope;
  std::string asked_by;  // for people: workload web as "db"
  // Who asked first: a user of resources, and its alias.
  std::string user;
  std::string alias;
  bool by_id = false;    // was asked for by an id that is not the asker's own anyway
  bool own = false;      // the asker's alone, for want of an id
  bool for_all = false;  // one for a whole environment or region, which a profile requires
  bool taken = false;    // and made for another, before a declared rename
  bool held = false;     // already, by that user
  std::string field;     // path within the application; empty below a profile's requires
};

struct Edge {
  std::string user;  // name of a resource; empty: the deployment
  std::string resource;
  std::string alias;
};

// Why a graph cannot be. `field` is a path within the application, or empty where the fault lies elsewhere.
struct Refusal {
  std::string reason;  // common/model/reasons.h
  std::string message;
  std::string field;
  std::string resource;  // that stands in the way as it is; empty: none does
};

struct Graph {
  std::vector<Node> nodes;  // dependencies before those who depend
  std::vector<Edge> edges;
  std::set<std::string> types;       // asked for at any depth; as far as it got where it was refused
  std::set<std::string> secrets;     // ids asked for at any depth, of those that no profile serves; the same
  std::vector<ProfilePtr> profiles;  // chosen, each once, by name
  std::optional<Refusal> refusal;    // then nodes and edges are empty
  std::vector<Taken> taken;          // to be remembered
  // Of what two hold who did not both ask for it by id: earlier versions gave several the same name.
  std::vector<std::string> warnings;
};

// An error is one of reading profiles; what is wrong with the input is a refusal.
Result<Graph> resolve(const ResolveInput& input);

}  // namespace qleet::hub::controllers
