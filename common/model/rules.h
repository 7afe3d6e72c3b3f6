// What holds for each kind beyond its schema. Pure; each looks at one object alone.
#pragma once

#include "common/model/checks.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "qleet/v1/region.pb.h"
#include "qleet/v1/score.pb.h"

namespace qleet::model {

void check(const qleet::v1::Application& application, Checks& checks);
void check(const qleet::v1::Environment& environment, Checks& checks);
void check(const qleet::v1::Profile& profile, Checks& checks);
void check(const qleet::v1::Region& region, Checks& checks);
void check(const qleet::v1::Agent& agent, Checks& checks);
void check(const qleet::v1::Secret& secret, Checks& checks);
void check(const qleet::v1::ServiceAccount& account, Checks& checks);
void check(const qleet::v1::Role& role, Checks& checks);
void check(const qleet::v1::RoleBinding& binding, Checks& checks);
void check_build(const qleet::v1::BuildSpec& build, const Place& place, Checks& checks);

// A Score document at `place`; `has_builds`: images may come from builds, so "." is allowed.
void check_score(const qleet::v1::Score& score, bool has_builds, const Place& place, Checks& checks);
void check_container(const qleet::v1::ScoreContainer& container, bool has_builds, const Place& place,
                     Checks& checks);

void check_replicas(const Place& place, std::uint32_t replicas, Checks& checks);

void check_port_number(const Place& place, std::uint32_t port, Checks& checks);

// The placeholders of a Score document.
void check_score_placeholders(const qleet::v1::Score& score, const Place& place, Checks& checks);

// The parameters of a profile, a subset of JSON Schema.
void check_parameters(const google::protobuf::Struct& parameters, const Place& place, Checks& checks);

}  // namespace qleet::model
