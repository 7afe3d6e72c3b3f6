// The hub's named operations. Each is one store transaction that holds everything it does, its AuditRecord
// included: it happened wholly and durably, or not at all. What follows from it (resources, rollouts,
// deletes) is the controllers' work, driven by the change log.
//
// All functions are thread-safe and may block on the disk. Errors: kInvalid with fields for bad input,
// kNotFound, kExists, kConflict (another writer, a wrong If-Match, or something in use), kDenied (a kind or
// field that only the hub writes), and what the store gives.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"
#include "common/crypto/token.h"
#include "common/model/model.h"
#include "common/result/result.h"
#include "hub/store/store.h"
#include "qleet/v1/operations.pb.h"
#include "qleet/v1/system.pb.h"

namespace qleet::hub::frontend {

// Who asks, for the audit; the caller has already checked what the subject may do.
struct Caller {
  std::string subject;                         // "serviceaccount:<name>"
  std::vector<std::string> applications = {};  // builds get into these alone; empty: into every one
};

// Where operations happen. All outlive every call.
struct Context {
  Store& store;
  const Clock& clock;
  crypto::Random* random = nullptr;  // of tokens and uids; null: the operating system's
};

enum class Expect {
  kAny,     // create or update
  kCreate,  // kExists where there is one
  kUpdate,  // kNotFound where there is none
};

struct ApplyOptions {
  bool dry_run = false;
  Expect expect = Expect::kAny;
  std::optional<Revision>
      if_match;  // of a single object: kConflict unless it was written last at this revision
};

// Create or update, all or nothing. Objects have passed model::decode. Only spec, labels and annotations are
// taken from them; the hub's own metadata and status are kept.
Result<v1::ApplyResult> apply(const Context& context, const Caller& caller,
                              const std::vector<model::Object>& objects, const ApplyOptions& options = {});

struct PatchOptions {
  bool dry_run = false;
  bool force = false;                // takes out keys that somebody uses
  std::optional<Revision> if_match;  // kConflict unless it was written last at this revision
};

// Sets and takes out keys of a Secret without knowing the others; makes it where there is none. kConflict for
// a key that is taken out and used, naming by whom.
Result<v1::ApplyResult> patch_secret(const Context& context, const Caller& caller, std::string_view name,
                                     const v1::SecretPatch& patch, const PatchOptions& options = {});

struct EraseOptions {
  bool dry_run = false;
  // Of a Secret: also one that somebody uses, who goes on with what he has.
  bool force = false;
  std::optional<Revision> if_match;
  // Of an application: the data that only it uses, or used, goes as well. Without it, it is kept. kConflict
  // where an environment protects some of it.
  bool delete_data = false;
};

// An application goes with its deployments, in the controllers' time; the answer says what follows. An
// environment, region, profile or Secret that is in use is refused (kConflict), naming by whom; so is a
// resource that somebody needs, and data that its environment protects. A retained resource goes.
Result<v1::EraseResult> erase(const Context& context, const Caller& caller, const model::Kind& kind,
                              std::string_view name, const EraseOptions& options = {});

struct NotifyOptions {
  std::string idempotency_key;  // of the caller; empty: none
  bool must_be_followed = false;
};

// Error::reason where an idempotency key comes back with another build: kInvalid, and nothing is done.
inline constexpr std::string_view kKeyReused = "IdempotencyKeyReused";
// DeliveryAnswers.state, and Error::reason (kNotFound, nothing is kept) with NotifyOptions::must_be_followed.
inline constexpr std::string_view kNotFollowed = "NotFollowed";

// CI: an image exists. Answers what will be done and where; DeliveryAnswers.state is "Delivered", "Unchanged"
// or kNotFollowed: then it is kept for who follows it later. The same key of the same subject (kept a day) is
// answered again, also with kNotFollowed, and does nothing. What is told again without one brings back what
// it names, unless its order says that it is older than what there is.
Result<v1::DeliveryAnswers> notify_build(const Context& context, const Caller& caller,
                                         const v1::BuildSpec& build, const NotifyOptions& options = {});

// What became of a build, per application and environment: the answers of its last notification, with what
// they have come to. States of each: "RollingOut", "Ready", "Stalled", "Failed", "AwaitingApproval",
// "AwaitingEnvironment", "HeldBack", "Superseded" (by something newer, before it was ready), "Unchanged"; of
// all: "RollingOut", "Failed", "Superseded", "Waiting", "Done", kNotFollowed. For who told of the build
// alone: kNotFound otherwise, as for one that there is not.
Result<v1::DeliveryAnswers> fate_of_build(const Context& context, const Caller& caller,
                                          std::string_view build);

Result<v1::DeliveryAnswers> approve(const Context& context, const Caller& caller,
                                    const v1::ApproveRequest& request);

// A new release with the content of an old one, wanted at once (no approval is asked for again).
Result<v1::DeliveryAnswers> rollback(const Context& context, const Caller& caller,
                                     const v1::RollbackRequest& request);

// The operations, on a copy; prints what they would lead to. The same code runs as for real. `applications`:
// of others than these it is said that something of theirs changes, and not what; empty: all of it.
using Operation = std::function<Result<v1::PlanResult>(const Context& overlay)>;
Result<v1::PlanResult> plan(const Context& context, const Operation& operation,
                            const std::vector<std::string>& applications = {});
Operation plan_apply(const Caller& caller, const std::vector<model::Object>& objects,
                     const ApplyOptions& options);
Operation plan_erase(const Caller& caller, const model::Kind& kind, std::string name,
                     const EraseOptions& options = {});
Operation plan_build(const Caller& caller, v1::BuildSpec build);
Operation plan_approve(const Caller& caller, v1::ApproveRequest request);
Operation plan_rollback(const Caller& caller, v1::RollbackRequest request);

// Reading. One consistent snapshot each.
Result<v1::History> history(const Context& context, std::string_view application);
Result<v1::DiffResult> diff(const Context& context, std::string_view application, uint32_t from, uint32_t to);
Result<v1::Tree> tree(const Context& context, std::string_view application);
// `resource` is a full name, or "<type>/<id>" where that is unambiguous (kConflict lists the candidates).
Result<v1::Why> why(const Context& context, std::string_view resource);
// `environment`: of an application, only what it is there. Without, the text of one that is in several has a
// block for each.
Result<v1::Description> describe(const Context& context, const model::Kind& kind, std::string_view name,
                                 std::string_view environment = {});
// Whether everything is up, and what is not; without what only the running hub knows of itself.
Result<v1::SystemStatus> system_status(const Context& context);

// Access.
Result<v1::TokenResult> create_service_account_token(const Context& context, const Caller& caller,
                                                     const v1::TokenRequest& request);
Result<> revoke_token(const Context& context, const Caller& caller, std::string_view service_account,
                      std::string_view token_id);
Result<v1::JoinTokenResult> create_join_token(const Context& context, const Caller& caller,
                                              const v1::JoinTokenRequest& request);
// The token is used up. Makes the Region where it is missing. kUnauthenticated for an unknown, used or
// expired token; kConflict where another agent serves the region.
Result<v1::Agent> redeem_join_token(const Context& context, const v1::EnrolRequest& request);
// The key to which the hub seals for this agent from now on: of one that was enrolled without, or has a new
// one.
Result<> note_box_key(const Context& context, const std::string& agent, const std::string& box_key);
Result<> revoke_agent(const Context& context, const Caller& caller, std::string_view agent);

// Certificates of agents for the bus. Who asks for one, if the request is signed by that agent's key.
// kUnauthenticated: no such agent, or not its key (which of the two is not told); kDenied: it is revoked;
// kInvalid: the request's time is further than kRequestFresh from the hub's.
inline constexpr Millis kRequestFresh = std::chrono::minutes(5);
Result<v1::Agent> asker_of_certificate(const Context& context, const v1::CertificateRequest& request);
// That the agent has been given one for the key under which it is enrolled.
Result<> note_certificate(const Context& context, const v1::Agent& agent);
// Agents that are not revoked and were never given one; in the order of their names.
Result<std::vector<std::string>> agents_without_certificate(const Context& context);

// Regions that the environment of first start has its place in: the first one that joins is labelled so,
// others only where somebody says it.
inline constexpr std::string_view kDefaultRegionLabel = "default";
inline constexpr std::string_view kDefaultRegionValue = "true";

// What an empty store needs to be of use: roles, the environment "default", and the profiles in
// `profiles_dir`
// (*.yaml; empty: none). Objects that are there already are left alone.
Result<> ensure_defaults(const Context& context, std::string_view profiles_dir);

}  // namespace qleet::hub::frontend
