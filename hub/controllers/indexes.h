// The x/ indexes that follow from an object's spec; written in the transaction that writes the object.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/work.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/profile.pb.h"

namespace qleet::hub::controllers {

// x/app-env, x/image, x/offer. Null: there was none, or is none any more.
void index_application(Txn& txn, const v1::Application* before, const v1::Application* after);

// x/profile-type, x/profile-rev (which stays: releases pin it), and kProfilesChanged.
void index_profile(Txn& txn, const v1::Profile* before, const v1::Profile* after);

// Written by each change of any profile: its revision says when that was.
inline constexpr std::string_view kProfilesChanged = "m/profiles-changed";

// x/type and x/types of a deployment.
Result<> index_types(Txn& txn, const std::string& deployment, const std::vector<std::string>& types);

// x/waits and x/waits-of of a deployment.
Result<> index_waits(Txn& txn, const std::string& deployment, const std::vector<std::string>& resources);

// Makes the list under `list_key`, comma separated, and the keys that follow from its items and the
// deployment, what `items` says.
using KeyOf = std::string (*)(std::string_view item, std::string_view deployment);
Result<> replace_list(Txn& txn, const std::string& list_key, KeyOf key_of, const std::string& deployment,
                      const std::vector<std::string>& items);

// x/region-dep of a deployment.
void index_regions(Txn& txn, const std::string& deployment, const std::vector<std::string>& before,
                   const std::vector<std::string>& after);

}  // namespace qleet::hub::controllers
