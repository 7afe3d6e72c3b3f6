// One application's graph in the making: what resolver.cc and resolver_*.cc share. Include resolver.h to use
// it.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/template/template.h"
#include "hub/controllers/identity.h"
#include "hub/controllers/resolver.h"
#include "hub/controllers/values.h"

namespace qleet::hub::controllers::resolution {

using google::protobuf::Struct;
using google::protobuf::Value;

inline constexpr std::string_view kWorkload = "workload";

// One dependency as somebody wrote it down.
struct Wanted {
  std::string type;
  std::string profile_class;
  std::string id;
  Struct params;
  std::string field;  // path within the application; empty below a profile's requires
  std::map<std::string, std::string> annotations;
};

// A resource that something may refer to, or, where there are values, outputs that the hub knows by itself.
struct Link {
  std::string resource;
  ProfilePtr profile;  // null where the type is built in
  std::optional<std::map<std::string, Value>> values;
  std::string type;
};

// Somebody's dependencies while they are being resolved: a workload's Score resources, or a profile's
// requires.
struct Frame {
  std::string prefix;  // "resources" or "requires": how its placeholders begin
  std::string who;     // for people: workload web
  std::map<std::string, Wanted> wanted;
  Asker asker;
  ProfilePtr profile;  // whose requires these are; null for a workload's own
  const Struct* params = nullptr;
  Home home;
  std::function<Result<Value>(const templates::Path&)> metadata;
  std::map<std::string, Link> done;
  std::vector<std::string> open;
};

// A node in the making.
struct Ask {
  const Wanted* wanted = nullptr;
  std::string alias;
  Asker asker;
  std::string user;  // resource that asks; empty: the deployment
  std::string who;
  const Frame* score = nullptr;  // of a workload: its Score resources, resolved
};

// The identity that somebody who asks is given.
struct Given {
  Identity identity;
  bool by_id = false;    // by one that is not the asker's own anyway
  bool own = false;      // the asker's alone, for want of an id
  bool for_all = false;  // one for a whole environment or region, which a profile requires
  bool taken = false;    // own, and made for another, before a declared rename
  bool held = false;     // already
  // Other ids by which it may be known to what it requires.
  std::vector<OtherId> others;
};

class Resolver {
 public:
  explicit Resolver(const ResolveInput& input)
      : in_(input),
        with_values_(
            says_something(*input.environment, input.application)
                ? std::optional(with_values(*input.definition, *input.environment, input.application))
                : std::nullopt),
        definition_(with_values_ ? *with_values_ : *input.definition) {}

  Result<Graph> run() {
    auto done = workloads();
    Graph graph = std::move(graph_);
    for (auto& [name, profile] : profiles_) graph.profiles.push_back(profile);
    if (done) return graph;
    if (!refusal_) return std::unexpected(std::move(done).error());
    if (field_in_environment(*in_.environment, in_.application, refusal_->field))
      refusal_->message += fmt::format(" (environment {} says so)", in_.environment->metadata().name());
    graph.nodes.clear();
    graph.edges.clear();
    graph.refusal = std::move(refusal_);
    return graph;
  }

 private:
  std::unexpected<Error> refuse(std::string_view reason, std::string message, std::string field) {
    refusal_ = Refusal{std::string(reason), message, std::move(field)};
    return fail(Code::kInvalid, std::move(message));
  }

  Result<> workloads() {
    std::map<std::string, const v1::Workload*> sorted;
    for (const auto& [name, workload] : definition_.workloads()) sorted[name] = &workload;
    TRY(find_served());
    for (const auto& [name, workload] : sorted) TRY(this->workload(name, *workload));
    return {};
  }

  Result<> workload(const std::string& name, const v1::Workload& definition);
  Result<Link> link(Frame& frame, const std::string& alias);
  Result<Link> node(const Ask& ask);
  Result<Struct> wanted_params(Frame& frame, const std::string& alias, const Wanted& wanted);
  // Names of service ports become their numbers, where a parameter is one. kInvalid with the field.
  Result<Struct> name_ports(const Struct& parameters, Struct params, const Ask& ask) const;
  // resolver_built_in.cc
  Result<> find_served();
  Result<std::optional<Link>> built_in(const Frame& frame, const std::string& alias, const Wanted& wanted);
  Result<Link> service(const Frame& frame, const std::string& alias, const Wanted& wanted);
  Result<Link> environment_values(const std::string& alias, const Wanted& wanted);
  Result<Link> outputs_of(const Ask& ask, const ProfilePtr& profile, const Struct& params);
  Result<ProfilePtr> pick(const Ask& ask);
  // resolver_secrets.cc
  Result<ProfilePtr> secret(const Ask& ask);
  std::map<std::string, std::string> drawn_secrets(const v1::ResourceSpec& spec) const;
  Result<> check_asker(const Ask& ask, const v1::Profile& profile);
  // resolver_names.cc
  Result<Given> identity_of(const Ask& ask, std::string_view scope);
  Result<> find_held(const Ask& ask, std::string_view scope, Given& given);
  Result<bool> take_over(const Ask& ask, const std::vector<OtherIdentity>& others, Given& given);
  Result<> check_meeting(const Node& node, const Ask& ask, const Given& given);
  static std::vector<OtherId> others_of(const Ask& ask, std::string_view scope, const Identity& chosen);
  static std::string user_of(const Ask& ask);
  Result<> check_existing(const Node& node, const Ask& ask, const Node& fresh);
  Result<> check_size(const Node& node, const Ask& ask);
  Result<> fill(Node& node, const Ask& ask, const ProfilePtr& profile, Frame& requires_frame);
  Result<std::string> score_reference(Frame& frame, const templates::Path& path, const std::string& field);
  Result<> check_output(const Link& link, const templates::Path& path, const std::string& where,
                        const std::string& field);
  Result<Value> resource_metadata(const Identity& identity, const std::string& type,
                                  const std::string& workload, const templates::Path& path);
  Result<Value> variable(const Home& home, const templates::Path& path, const std::string& where);
  std::string asked_for_by(const Ask& ask) const;
  // An alias for a resource that is known only to whoever asked; the same in every scope it is passed on to.
  std::string late_alias(const Link& link);

  const ResolveInput& in_;
  const std::optional<v1::ApplicationSpec> with_values_;
  const v1::ApplicationSpec& definition_;  // as it is in this environment
  std::set<std::string> served_;           // workloads that others ask for as a service
  Graph graph_;
  std::map<std::string, size_t> index_;                  // node by name
  std::map<std::string, ProfilePtr> profiles_;           // by profile name
  std::map<const v1::Profile*, v1::SecretUse> secrets_;  // of what stands for a profile
  std::vector<ProfilePtr> secret_profiles_;
  std::map<std::string, Link> late_;                        // by late alias
  std::vector<std::pair<std::string, std::string>> chain_;  // (profile, type) from the workload down
  std::string root_;                                        // workload being resolved
  std::optional<Refusal> refusal_;
};

Value text_value(std::string text);

// For messages: "${params.size}"; the keys, sorted; "there is: a, b".
std::string written(const templates::Path& path);
// Of a text, a number or a truth value.
std::string text_of(const Value& value);
std::vector<std::string> keys_of(const google::protobuf::Struct& fields);
std::string there_is(const std::vector<std::string>& names);

}  // namespace qleet::hub::controllers::resolution
