// The agent's durable copy of what it must make true and of what it has done about it.
//
// The engine holds everything in memory; it reads the journal once, when it starts, and writes what changed
// in small transactions: before it acts (intent), and otherwise several changes together a moment later.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "qleet/agent/v1/journal.pb.h"

namespace qleet::agent {

// An entry that cannot be read, or one that must be there and is not.
struct DamagedEntry {
  std::string key;  // agent/journal/keys.h
  std::string why;
  // It is whole, and stands under a key that is not its own; it was taken as that of this resource.
  std::string belongs_to = {};
};

// Everything that a journal holds. Secrets are plain here.
struct JournalContents {
  v1::Meta meta;
  std::map<std::string, v1::Desired> desired;
  std::map<std::string, v1::Runtime> runtime;
  std::map<std::uint64_t, wire::v1::EventReport> events;
  std::vector<DamagedEntry> damaged;  // left out above
};

// One transaction: new values, or nullopt to erase.
struct JournalChanges {
  std::optional<v1::Meta> meta;
  std::map<std::string, std::optional<v1::Desired>> desired;
  std::map<std::string, std::optional<v1::Runtime>> runtime;
  std::map<std::uint64_t, std::optional<wire::v1::EventReport>> events;

  bool empty() const { return !meta && desired.empty() && runtime.empty() && events.empty(); }
};

// Used by one thread at a time. Blocking (disk).
class Journal {
 public:
  virtual ~Journal() = default;
  // A single entry that cannot be read is left out and named as damaged. kNotFound: something is sealed with
  // a key that the key file lacks. kInternal: the whole cannot be read.
  virtual Result<JournalContents> load() = 0;
  // All or nothing; durable once it has returned success. kFull: the disk is full. kInvalid: a name that
  // cannot be a key.
  virtual Result<> commit(const JournalChanges& changes) = 0;
};

}  // namespace qleet::agent
