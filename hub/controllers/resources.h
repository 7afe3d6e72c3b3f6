// The one place that writes resources' specs, their edges (x/ref, x/uses), the index that dispatch follows
// (x/region-pos, x/region-at) and the marks of what nobody needs (x/unused). All within the caller's
// transaction.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/identity.h"
#include "hub/controllers/work.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {

// In the audit: nobody in particular asked for it.
inline constexpr std::string_view kHub = "hub";

// Creates the resource, or gives it this spec; its status stays. Its own edges follow spec.dependencies: what
// it no longer depends on is settled, what it depends on must exist. Not for tombstones.
Result<objects::Written> put_resource(Work& work, const std::string& name, const v1::ResourceSpec& spec);

// The edges of a deployment in one region: exactly `roots` (resource -> alias) afterwards.
Result<> put_roots(Work& work, const std::string& deployment, const std::string& region,
                   const std::map<std::string, std::string>& roots);

// Decides what becomes of a resource now that its users may have changed, and does it.
Result<> settle(Work& work, const std::string& name);

// The same for a mark in x/unused that is due. False: it stays, because a deployment that is still to be
// reconciled may ask for the resource (pending.h).
Result<bool> settle_due(Work& work, const std::string& name, std::uint64_t due_ms);

// The agent reports that a tombstone is carried out. False, and nothing is done, where the resource is no
// longer a tombstone of that generation (it was asked for again).
Result<bool> resource_gone(Work& work, const std::string& name, std::uint32_t generation);

// The object with its edges and indexes, whatever its state: what it needed may become unused in turn.
Result<> erase_resource(Work& work, const std::string& name);

// A tombstone now, whatever its policy; `subject` asked for it. kConflict, saying why and what to do, while
// something needs it or may ask for it, and where its environment protects its data.
Result<> tombstone_resource(Work& work, const std::string& name, std::string_view subject = kHub);

// Its environment protects the data in it.
Result<bool> data_is_protected(const Reader& reader, const v1::ResourceSpec& spec);

// Its data may go with it once nobody needs it, because `subject` asked for that. What nobody needs by now
// goes when its grace period is over.
Result<> let_data_go(Work& work, const std::string& name, const std::string& subject);
// Taken back, here and in what it requires: somebody uses it.
Result<> take_back_data(Work& work, const std::string& name);

struct Use {
  std::string user;  // as in x/ref
  std::string alias;
};
// Who needs it, in the order of their names; those strictly after `after` where that is given.
Result<std::vector<Use>> users_of(const Reader& reader, std::string_view resource, size_t limit = SIZE_MAX,
                                  std::string_view after = {});
// What a user needs: resource -> alias; of a deployment where `region` is given, there alone.
Result<std::map<std::string, std::string>> used_by(const Reader& reader, std::string_view user,
                                                   std::string_view region = {});

// For people: "shop/web as \"cache\"", "postgres \"main\" as \"data\"".
std::string describe_user(const Use& use);

// For people: volume "web.data" (10Gi) of shop in prod / local-1.
std::string describe_data(const v1::ResourceSpec& spec);

}  // namespace qleet::hub::controllers
