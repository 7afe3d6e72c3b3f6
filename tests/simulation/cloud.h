// What agents make true, and where it goes wrong: the outer world of a history. It outlives every process,
// and knows of each thing what it was made of, so that it can tell a needless change from a due one.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/journal/journal.h"
#include "common/clock/clock.h"
#include "providers/api/provider.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/findings.h"
#include "tests/simulation/sabotage.h"
#include "tests/simulation/trace.h"

namespace qleet::sim {

struct Thing {
  std::string owner;
  std::string name;
  std::string provider;
  std::string hash;     // the mark that it was made with
  std::string content;  // template and inputs, canonical
  google::protobuf::Struct template_;
  std::map<std::string, std::map<std::string, std::string>> inputs;
  std::string address;    // another one each time it is made
  std::string opened_by;  // the secret that the first data in it was made with; empty: there is none in it
  std::map<std::string, std::string> images;  // container -> image with the digest of what runs
  MonoTime ready_at{};
  std::optional<MonoTime> absent_at;  // being removed
  bool half = false;                  // begun, not finished
  bool drifted = false;
  bool degraded = false;
  bool deaf = false;             // never ready: it was told so, or sabotage
  std::uint32_t generation = 0;  // that it was made for
  MonoTime made_at{};
  // Its agent's journal was lost since it was made ...
  bool marked_before_loss = false;  // ... and its mark is of a key that went with it
  bool orphan = false;              // ... and nobody has told the new one of it, as made by this provider
  // Two copies of an agent ran when its data was laid: either's secret may be the one that opens it.
  bool contested = false;
};

struct CloudTrouble {
  unsigned fail_permille = 0;   // a call fails and does nothing
  unsigned lost_permille = 0;   // a call does it, and its answer is lost
  unsigned half_permille = 0;   // a creation ends half-way
  unsigned crash_permille = 0;  // the agent ends in the middle of a call
  unsigned mute_permille = 0;   // a change that watchers are not told of
};

class Cloud {
 public:
  // All must outlive it.
  Cloud(const Clock& clock, Dice& dice, Trace& trace, Findings& findings)
      : clock_(clock), dice_(dice), trace_(trace), findings_(findings) {}

  // One kind of place; agents' connections to it come and go.
  std::shared_ptr<Provider> connect(const std::string& provider);
  // Whether a thing may be deleted on the word of this generation; asked before each deletion.
  std::function<bool(const Thing& thing, std::uint32_t generation)> may_delete;

  void set_trouble(const CloudTrouble& trouble) { trouble_ = trouble; }
  void set_sabotage(Sabotage sabotage) { sabotage_ = sabotage; }
  // Every call fails.
  void set_outage(bool outage) { outage_ = outage; }
  // An agent's journal was lost; and what a journal was then told of.
  void journal_lost(const std::string& owner);
  // An agent goes on with this journal: what it does not name, as made by this provider, nobody knows.
  void journal_goes_on(const std::string& owner, const agent::JournalContents& journal);
  void journal_written(const agent::JournalChanges& changes);
  // Whether there are two processes of an agent now.
  void set_copied(const std::string& owner, bool copied);
  bool copied(const std::string& owner) const { return copied_.contains(owner); }
  // What the hub wants of this provider. While there are two processes of an agent, the one that has not
  // heard yet may make what the other has removed: nobody knows of that any more.
  std::function<bool(const std::string& provider, const std::string& name)> wanted;
  void leave(const std::string& name);
  // Someone else destroys, changes or overloads a thing. False: there is none.
  bool meddle();
  // Somebody pushes another content under a tag.
  void push_again();
  // Nothing is degraded any more.
  void heal();
  // Somebody puts data back that somebody destroyed, where `missed` says so of its name.
  void put_back(const std::function<bool(const std::string& name)>& missed);

  using Key = std::pair<std::string, std::string>;  // provider, name
  const std::map<Key, Thing>& things() const { return things_; }
  const Thing* find(const std::string& name) const;
  // Whether a provider has ever seen this generation of it ready.
  bool was_ready(const std::string& name, std::uint32_t generation) const {
    return ready_.contains({name, generation});
  }
  // Creations, changes and deletions so far.
  std::uint64_t acts() const { return acts_; }

 private:
  friend class CloudProvider;
  Result<> interfere(std::string_view call, const ProviderResource& resource);
  Result<Observation> observe(const std::string& provider, const ProviderResource& resource);
  Result<StepResult> apply(const std::string& provider, const ProviderResource& resource);
  Result<StepResult> remove(const std::string& provider, const ProviderResource& resource);
  Result<StepResult> make(const std::string& provider, const ProviderResource& resource, Thing* before);
  void erase(const Key& key);
  void trample(const std::string& provider, const std::string& spared);
  Thing* find(const Key& key);
  void tell(const std::string& name);
  Thing* disk_of(const ProviderResource& resource);
  void lay_data(const ProviderResource& resource);
  void check_secret(const ProviderResource& resource);
  Millis some_time();
  // What an image is now, with its digest.
  std::string content_of_tag(const std::string& image);
  // What the tags are that a resource is asked about; what runs counts unless they are looked up again.
  std::map<std::string, std::string> resolved(const ProviderResource& resource, const Thing* thing);

  const Clock& clock_;
  Dice& dice_;
  Trace& trace_;
  Findings& findings_;
  CloudTrouble trouble_;
  Sabotage sabotage_ = Sabotage::kNone;
  bool sabotaged_ = false;
  bool outage_ = false;
  std::map<Key, Thing> things_;
  std::map<Key, Thing> lost_;               // data that somebody destroyed
  std::map<std::string, unsigned> pushes_;  // by tag
  std::set<std::string> copied_;            // agents of which two processes run
  std::set<Key> hidden_;                    // said to be gone (sabotage)
  std::set<std::pair<std::string, std::uint32_t>> ready_;
  std::map<std::uint64_t, std::function<void(std::string)>> watchers_;
  std::uint64_t last_watcher_ = 0;
  std::uint64_t last_address_ = 0;
  std::uint64_t acts_ = 0;
};

}  // namespace qleet::sim
