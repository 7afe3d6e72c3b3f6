// The agent's durable copy of what it must make true and of what it has done about it.
//
// The engine holds everything in memory; it reads the journal once, when it starts, and writes what changed
// in small transactions: before it acts (intent), and otherwise several changes together a moment later.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/result/result.h"
#include "qleet/agent/v1/journal.pb.h"

namespace qleet::agent {

// Everything that a journal holds. Secrets are plain here.
struct JournalContents {
  v1::Meta meta;
  std::map<std::string, v1::Desired> desired;
  std::map<std::string, v1::Runtime> runtime;
  std::map<std::uint64_t, wire::v1::EventReport> events;
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
  // kInternal where a value cannot be read or opened: nothing is guessed.
  virtual Result<JournalContents> load() = 0;
  // All or nothing; durable once it has returned success. kFull: the disk is full. kInvalid: a name that
  // cannot be a key.
  virtual Result<> commit(const JournalChanges& changes) = 0;
};

}  // namespace qleet::agent
