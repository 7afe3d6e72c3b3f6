// The published words: condition types and reasons, states. Users, the CLI and tests match on them; never
// renamed.
#pragma once

#include <string_view>

namespace qleet::reasons {

// Condition types.
inline constexpr std::string_view kReady = "Ready";  // does what was asked for
// (Resource) What it is busy with, while it is Progressing: the message names the step, the time of
// transition its beginning. (Deployment) It comes nearer to what is wanted; said only where it does not, or
// did not.
inline constexpr std::string_view kProgressing = "Progressing";
inline constexpr std::string_view kSynced = "Synced";      // the agent has the newest generation
inline constexpr std::string_view kResolved = "Resolved";  // (Deployment) dependencies could be resolved
inline constexpr std::string_view kPlaced = "Placed";      // (Deployment) regions were found
inline constexpr std::string_view kSeparate =
    "Separate";  // (Deployment) shares only what was asked for by id
inline constexpr std::string_view kHeldBack =
    "HeldBack";  // (Application) builds wait in an environment that was rolled back
inline constexpr std::string_view kConnected = "Connected";      // (Agent)
inline constexpr std::string_view kWorking = "Working";          // (Agent) it can act and report
inline constexpr std::string_view kUnique = "Unique";            // (Agent) no second process has its state
inline constexpr std::string_view kSchedulable = "Schedulable";  // (Region) takes something new

// Reasons on a resource.
inline constexpr std::string_view kAvailable = "Available";
inline constexpr std::string_view kWaitingForDependency = "WaitingForDependency";
inline constexpr std::string_view kWaitingForAgent = "WaitingForAgent";
inline constexpr std::string_view kCreating = "Creating";
inline constexpr std::string_view kUpdating = "Updating";
inline constexpr std::string_view kDeleting = "Deleting";
inline constexpr std::string_view kWaitingForDependents =
    "WaitingForDependents";  // delete waits for those that use it
inline constexpr std::string_view kDriftRepaired = "DriftRepaired";
inline constexpr std::string_view kImageMissing = "ImageMissing";
inline constexpr std::string_view kImageRefused = "ImageRefused";
inline constexpr std::string_view kRegistryUnreachable =
    "RegistryUnreachable";  // nobody could ask it: address, network, TLS
inline constexpr std::string_view kImageGone =
    "ImageGone";  // the content that was chosen cannot be had any more
inline constexpr std::string_view kResolvingImage =
    "ResolvingImage";  // its digest is being found out, or recorded
inline constexpr std::string_view kProbeFailing = "ProbeFailing";
inline constexpr std::string_view kExited = "Exited";
inline constexpr std::string_view kOutOfMemory = "OutOfMemory";  // ended for the limit that it was given
inline constexpr std::string_view kPortInUse = "PortInUse";
inline constexpr std::string_view kLimitRefused = "LimitRefused";  // the host refuses an asked-for limit
inline constexpr std::string_view kHostUnavailable =
    "HostUnavailable";  // the container engine does not answer
// What keeps data was there and is not any more: nothing is made in its place.
inline constexpr std::string_view kDataLost = "DataLost";
// The journal that held the generated secrets is gone: data that they open, or that was made with them, is
// there.
inline constexpr std::string_view kSecretsLost = "SecretsLost";
// The data was made with another secret than the one that is handed out.
inline constexpr std::string_view kCredentialsRefused = "CredentialsRefused";
inline constexpr std::string_view kProviderMissing = "ProviderMissing";
inline constexpr std::string_view kProviderError = "ProviderError";
inline constexpr std::string_view kInvalidTemplate = "InvalidTemplate";
inline constexpr std::string_view kRetriesExhausted = "RetriesExhausted";

inline constexpr std::string_view kWaitingForValues =
    "WaitingForValues";  // the agent has no values of a secret that it can open

// Reasons on a deployment.
inline constexpr std::string_view kRollingOut = "RollingOut";
// Without progress for the environment's deadline.
inline constexpr std::string_view kProgressDeadlineExceeded = "ProgressDeadlineExceeded";
// Ready, with the release before one that failed; also an event.
inline constexpr std::string_view kReturnedToRelease = "ReturnedToRelease";
inline constexpr std::string_view kRestarted =
    "Restarted";  // (event) a container ended and was started again
inline constexpr std::string_view kImageResolved =
    "ImageResolved";  // (event) the digest behind a tag is recorded
inline constexpr std::string_view kAwaitingApproval = "AwaitingApproval";
inline constexpr std::string_view kRolledBack = "RolledBack";
inline constexpr std::string_view kAwaitingEnvironment = "AwaitingEnvironment";
inline constexpr std::string_view kNoSecret = "NoSecret";  // no Secret, or no key of it
inline constexpr std::string_view kNoRegion = "NoRegion";
inline constexpr std::string_view kNoEnvironment = "NoEnvironment";
inline constexpr std::string_view kNoProfile = "NoProfile";
inline constexpr std::string_view kNotOffered = "NotOffered";  // no application offers a service by this id
inline constexpr std::string_view kNotAllowed = "NotAllowed";  // the asker may not ask for this
inline constexpr std::string_view kProfileCycle = "ProfileCycle";
inline constexpr std::string_view kInvalidParams = "InvalidParams";
inline constexpr std::string_view kResourceTooLarge =
    "ResourceTooLarge";  // it does not fit into a message to its agent
inline constexpr std::string_view kResourceConflict =
    "ResourceConflict";  // two askers want one resource differently
inline constexpr std::string_view kResourcesMeet =
    "ResourcesMeet";  // two hold one resource who did not both ask for it by id
inline constexpr std::string_view kDataWouldBeLost =
    "DataWouldBeLost";  // another provider would make what keeps data anew

// Reasons on a region.
inline constexpr std::string_view kCordoned = "Cordoned";

// Computed when status is shown.
inline constexpr std::string_view kStale = "Stale";  // the agent has not been heard for too long
inline constexpr std::string_view kUnused = "Unused";
inline constexpr std::string_view kRetained = "Retained";

// (event) On the environment that it was in, or on the region where all environments shared it.
inline constexpr std::string_view kDataDeleted = "DataDeleted";

// Reasons on an agent (Connected, Synced, Working) and on its region (Connected).
inline constexpr std::string_view kHeartbeatReceived = "HeartbeatReceived";
inline constexpr std::string_view kHeartbeatMissed = "HeartbeatMissed";
inline constexpr std::string_view kRevoked = "Revoked";
inline constexpr std::string_view kSuspended = "Suspended";  // cut off for a while: it floods
inline constexpr std::string_view kMessagesDropped =
    "MessagesDropped";  // (event) malformed, foreign, or too many
inline constexpr std::string_view kInSync = "InSync";
inline constexpr std::string_view kEpochRefused = "EpochRefused";        // the agent refuses this hub's store
inline constexpr std::string_view kProtocolRefused = "ProtocolRefused";  // no protocol that both speak
inline constexpr std::string_view kDeletesNotHonoured =
    "DeletesNotHonoured";  // tombstones of a restored store: kept running
inline constexpr std::string_view kJournalWritable = "JournalWritable";
inline constexpr std::string_view kJournalUnwritable = "JournalUnwritable";  // what runs goes on
inline constexpr std::string_view kJournalDamaged =
    "JournalDamaged";  // (event) an entry of the agent's journal could not be read
inline constexpr std::string_view kRecordLost =
    "RecordLost";  // (on a resource) what was generated for it was lost with a damaged entry
inline constexpr std::string_view kCopiesRunning = "CopiesRunning";  // two processes with one agent's state
inline constexpr std::string_view kOneRunning = "OneRunning";
inline constexpr std::string_view kUnclaimedResources = "UnclaimedResources";  // kept, unknown to this hub

}  // namespace qleet::reasons
