#include "agent/engine/damage.h"

#include <algorithm>
#include <charconv>

#include "agent/journal/keys.h"
#include "common/model/reasons.h"
#include "common/sync/accept.h"

namespace qleet::agent {
namespace {

// Nothing has this hash: a step was begun, and nobody knows which.
constexpr const char* kUnknownStep = "lost";

std::string_view below(std::string_view key, std::string_view prefix) {
  return key.starts_with(prefix) ? key.substr(prefix.size()) : std::string_view();
}

// A key may be damaged, too, and what is told of it goes to the hub: it would refuse the whole message.
std::string printable(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

struct Taker {
  JournalContents& contents;
  JournalChanges& boot;
  std::vector<Damage> damage = {};

  void tell(const std::string& name, std::string message) {
    damage.push_back({name, printable(std::move(message))});
  }

  void lose_desired(const std::string& name, const std::string& why) {
    if (contents.desired.contains(name)) return;
    if (!sync::is_resource_name(name)) {
      boot.desired[name] = std::nullopt;
      tell("", why + ": it is of no resource that there can be");
      return;
    }
    v1::Desired stub;
    stub.mutable_resource()->set_name(name);
    contents.desired[name] = stub;
    boot.desired[name] = std::move(stub);
    tell(name, why + ": what is wanted of it is asked of the hub again; it is kept as it is until then");
  }

  void lose_runtime(const std::string& name, const std::string& why) {
    if (contents.runtime.contains(name)) return;
    if (!contents.desired.contains(name)) {
      boot.runtime[name] = std::nullopt;
      return;
    }
    v1::Runtime lost;
    lost.set_lost(true);
    lost.set_intent_hash(kUnknownStep);
    contents.runtime[name] = lost;
    boot.runtime[name] = std::move(lost);
    tell(name,
         why +
             ": what exists of it is looked for by its name and kept; a secret that was generated for it "
             "is lost, and not made anew");
  }

  // To its own key.
  void move(const DamagedEntry& entry) {
    const std::string& to = entry.belongs_to;
    if (const auto name = below(entry.key, keys::kDesiredPrefix); !name.empty()) {
      boot.desired[std::string(name)] = std::nullopt;
      boot.desired[to] = contents.desired[to];
    } else {
      boot.runtime[std::string(below(entry.key, keys::kRuntimePrefix))] = std::nullopt;
      boot.runtime[to] = contents.runtime[to];
    }
    tell(to, entry.why + ": it is whole, and stands under its own again");
  }

  void lose_event(std::string_view digits) {
    std::uint64_t sequence = 0;
    const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), sequence, 16);
    if (wrong == std::errc{} && end == digits.data() + digits.size()) boot.events[sequence] = std::nullopt;
  }
};

}  // namespace

std::vector<Damage> take_damage(JournalContents& contents, JournalChanges& boot) {
  Taker taker{contents, boot};
  std::vector<DamagedEntry> lost;
  for (const auto& entry : contents.damaged) {
    if (entry.belongs_to.empty())
      lost.push_back(entry);
    else
      taker.move(entry);
  }
  for (const auto& entry : lost)
    if (const auto name = below(entry.key, keys::kDesiredPrefix); !name.empty())
      taker.lose_desired(std::string(name), entry.why);
  // Both are written and erased together: what was wanted of this one stands under a key that was damaged.
  for (auto it = contents.runtime.begin(); it != contents.runtime.end();) {
    const std::string& name = it->first;
    if (contents.desired.contains(name)) {
      ++it;
    } else if (it->second.gone() || !sync::is_resource_name(name)) {
      boot.runtime[name] = std::nullopt;
      it = contents.runtime.erase(it);
    } else {
      taker.lose_desired(name, "journal entry " + keys::desired(name) + ": cannot be found");
      ++it;
    }
  }
  bool meta_is_told = false;
  for (const auto& entry : lost) {
    const std::string_view key = entry.key;
    if (key == keys::kMetaKey) {
      meta_is_told = true;
      taker.tell("", entry.why + ": everything is asked of the hub again, and looked at anew");
    } else if (key.starts_with(keys::kEventPrefix)) {
      taker.lose_event(key.substr(keys::kEventPrefix.size()));
    } else if (!key.starts_with(keys::kDesiredPrefix) && key.size() > keys::kRuntimePrefix.size()) {
      // Of a record, or of a key that nobody knows and that may have been a record's.
      taker.lose_runtime(std::string(key.substr(keys::kRuntimePrefix.size())), entry.why);
    }
  }
  if (!meta_is_told && contents.meta.hash_key().empty() && !contents.desired.empty())
    taker.tell("", "journal entry " + std::string(keys::kMetaKey) +
                       ": cannot be found: everything is asked of the hub again");
  return std::move(taker.damage);
}

bool is_stub(const v1::Desired& desired) {
  return !desired.resource().deleted() && desired.resource().provider().empty() && desired.epoch().empty();
}

Error stub_error() {
  return {
      Code::kInvalid,
      "what is wanted of it stood in an entry of the agent's journal that was damaged: it is kept as it is "
      "until the hub states it again",
      {},
      std::string(reasons::kJournalDamaged)};
}

Error lost_error(const std::string& secret) {
  return {
      Code::kInvalid,
      "the secret \"" + secret +
          "\" that was generated for it is lost with a damaged entry of the agent's journal, and another "
          "one would not open what exists: restore a backup of the agent, or delete the resource with its "
          "data and apply it again",
      {},
      std::string(reasons::kRecordLost)};
}

}  // namespace qleet::agent
