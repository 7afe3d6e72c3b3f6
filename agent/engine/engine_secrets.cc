// One resource: its generated secrets, and the data that they open.
#include <algorithm>

#include "agent/engine/damage.h"
#include "agent/engine/engine.h"
#include "agent/engine/kept_secrets.h"
#include "agent/engine/render.h"
#include "common/model/reasons.h"

namespace qleet::agent {
namespace {

constexpr size_t kSecretLength = 32;

// What is kept stays as it is: data is opened by what it was made with.
bool keep(Node& keeper, const std::string& key, const std::string& value) {
  return keeper.runtime.mutable_secrets()->mutable_kept()->insert({key, value}).second;
}

}  // namespace

// Journals of agents that kept no secrets: what is there is kept from now on.
void Engine::keep_present_secrets(JournalChanges& changes) {
  for (const auto& [name, node] : graph_.nodes()) {
    if (node->gone() || node->runtime.secrets().generated().empty()) continue;
    for (const auto& keeper_name : keepers_of(graph_, *node)) {
      Node& keeper = *graph_.find(keeper_name);
      if (keeper.gone()) continue;
      bool added = false;
      for (const auto& [secret, value] : node->runtime.secrets().generated())
        added = keep(keeper, kept_key(*node, secret), value) || added;
      if (added) changes.runtime[keeper_name] = keeper.runtime;
    }
  }
}

// In one transaction with what they are kept with: the ledger writes all that changed at once, and nothing is
// made with them before.
Result<> Engine::make_secrets(Node& node, const std::set<std::string>& names) {
  if (names.empty()) return {};
  const auto keepers = keepers_of(graph_, node);
  for (const auto& name : names) {
    auto choice = choose_secret(graph_, node, keepers, name);
    if (!choice.unknown_to.empty())
      return fail(
          Code::kInvalid, reasons::kSecretsLost,
          "the data of " + choice.unknown_to +
              " was there before this agent's journal, and the secret that opens it (\"" + name +
              "\") is not known here: restore the agent's journal from its backup; or, to begin without "
              "that data, remove it");
    // What exists may have been made with the one that was lost.
    if (!choice.value && node.runtime.lost()) return std::unexpected(lost_error(name));
    if (!choice.value) choice.value = crypto::random_password(seams_.random, kSecretLength);
    std::string& value = (*node.runtime.mutable_secrets()->mutable_generated())[name];
    if (value != *choice.value) {
      value = *choice.value;
      ledger_.runtime_changed(node.name);
    }
    for (const auto& keeper : keepers)
      if (keep(*graph_.find(keeper), kept_key(node, name), value)) ledger_.runtime_changed(keeper);
  }
  return {};
}

// An observation of what this journal has made nothing of yet shows whether somebody else did: one before it,
// which is lost.
void Engine::note_found(Node& node) {
  const bool lost = node.seen->reason == reasons::kDataLost;
  const bool there = node.seen->state != Observation::State::kAbsent && !lost;
  if (holds_data(graph_, node)) {
    const bool found = there && (node.runtime.found() || !node.touched());
    if (found != node.runtime.found()) {
      node.runtime.set_found(found);
      ledger_.runtime_changed(node.name);
      // Made for it a moment ago: nothing was made with them, and they do not open what is there.
      if (found && !node.runtime.secrets().generated().empty()) {
        node.runtime.mutable_secrets()->clear_generated();
        node.inputs_stale = true;
      }
    }
  }
  if (!there || node.touched() || node.secrets_lost || node.runtime.secrets().generated().empty()) return;
  node.secrets_lost = true;
  event(node, "Warning", reasons::kSecretsLost,
        "it is there, but this agent's journal has lost the secrets that were generated for it: new ones are "
        "made. To go on with the old ones, stop the agent and restore its journal from the backup");
}

}  // namespace qleet::agent
