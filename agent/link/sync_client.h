// The agent's half of staying equal with the hub: takes deltas, asks for syncs, carries out their answers.
//
// Rules (docs/protocol.md): a delta is taken only where it leaves no gap; while a sync is under way none is
// taken at all, and one that was passed over leads to another sync; the position moves with the last batch of
// an answer only; what the hub says of a resource is taken as common/sync/accept.h decides.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/link/held_table.h"
#include "agent/link/seams.h"
#include "common/clock/clock.h"
#include "common/random/random.h"
#include "common/sync/backoff.h"
#include "qleet/v1/region.pb.h"

namespace qleet::agent {

struct SyncOptions {
  std::string boot_id;
  std::string version;
  std::vector<std::string> providers;
  // Known from the enrolment; counts until the journal knows one.
  std::string enrolled_epoch;
  std::string box_key;  // qleet.v1.AgentSpec.box_key
  std::vector<qleet::v1::ProviderSchema> schemas;
  // Without a batch for so long, the request counts as lost: the first one, and those after it.
  Millis first_within{2'000};
  Millis batch_within{10'000};
  sync::Backoff::Limits backoff{Millis(1'000), Millis(60'000)};
  size_t manifest_bytes = 200 * 1024;  // of one request
};

class SyncClient {
 public:
  // Sends a request; its answers are to be brought to on_batch with the same number. The handle is held as
  // long as answers are of use.
  using Send =
      std::function<Result<std::shared_ptr<void>>(const wire::v1::SyncRequest&, std::uint64_t number)>;

  // `random` and `desired` must outlive this object. `entered` is told before a new epoch is stored.
  SyncClient(SyncOptions options, Send send, qleet::Random& random, Desired& desired,
             std::function<Result<>()> entered);

  // Reads the journal; before anything else.
  Result<> load();

  // The hub says so, or what it said leaves a gap: that it was silent before is no reason to wait any longer.
  void want_sync(MonoTime now);
  // A new connection: whatever was under way is lost, and there is no reason to wait.
  void reconnected(MonoTime now);
  void on_delta(const wire::v1::Delta& delta, MonoTime now);
  void on_batch(std::uint64_t number, const wire::v1::SyncBatch& batch, MonoTime now);
  // Nobody is there to answer.
  void on_no_hub(std::uint64_t number, MonoTime now);
  // Makes durable what deltas brought, sends what is due. Returns when to come back.
  MonoTime step(MonoTime now);
  // Entries whose removal the hub has confirmed, with the generation that was removed.
  Result<> forget(const std::vector<std::pair<std::string, std::uint32_t>>& gone, MonoTime now);

  const HeldTable& held() const { return held_; }
  // The newest number that the hub speaks, too, as far as it has told.
  std::uint32_t protocol() const { return protocol_; }
  // Why the hub's answers are not acted upon, or the hub does not answer us; empty: nothing is wrong.
  const std::string& refusal() const { return refusal_; }
  // Tombstones that may not be honoured, since this process started.
  const std::set<std::string>& kept() const { return kept_; }
  // The hub says that another process with this agent's state serves: until it says otherwise nothing that it
  // states is taken, and this one is to act on nothing.
  bool superseded() const { return superseded_; }
  // The last sync ended well, and no other is wanted.
  bool in_sync() const { return synced_ && !wanted_ && !flight_ && !superseded_; }

 private:
  // A request that waits for its answers.
  struct Flight {
    std::uint64_t number = 0;
    std::shared_ptr<void> handle;
    MonoTime deadline{};
    std::uint32_t next_index = 0;
    // When it was sent.
    std::uint64_t position = 0;
    std::string epoch;
    bool by_manifest = false;
  };
  // A manifest goes as several requests.
  struct ManifestRound {
    std::deque<sync::NameRange> left;
    sync::NameRange current;
    std::optional<std::uint64_t> position;  // of the first answer: everything up to there is covered by all
  };

  void request(MonoTime now);
  void begin_manifest(MonoTime now);
  wire::v1::SyncRequest new_request() const;
  // Of what is known, nothing else.
  DesiredChange new_change() const;
  // Once it is durable.
  void note_kept(const DesiredChange& change);
  void take(const wire::v1::DesiredResource& stated, sync::Authority authority, DesiredChange& change);
  Result<DesiredChange> change_of(const wire::v1::SyncBatch& batch);
  void answered(const wire::v1::SyncBatch& batch, MonoTime now);
  void finished(MonoTime now);
  void failed(MonoTime now, Millis wait);
  bool commit(const DesiredChange& change, MonoTime now);
  bool commit_deltas(MonoTime now);

  const SyncOptions options_;
  const Send send_;
  Desired& desired_;
  const std::function<Result<>()> entered_;
  sync::Backoff backoff_;

  HeldTable held_;
  std::set<std::string> kept_;
  std::string refusal_;
  std::uint32_t protocol_ = sync::kProtocolMax;
  bool wanted_ = true;
  bool synced_ = false;
  bool superseded_ = false;
  bool unanswered_ = false;        // the last try, and nothing was heard of the hub since
  bool asked_again_ = false;       // while a sync was under way
  std::uint64_t passed_over_ = 0;  // the last position of deltas that came while a sync was under way
  MonoTime next_try_{};
  std::uint64_t last_number_ = 0;
  std::unique_ptr<Flight> flight_;
  std::unique_ptr<ManifestRound> manifest_;
  std::unique_ptr<DesiredChange> deltas_;  // taken, to be made durable at the end of the step
};

}  // namespace qleet::agent
