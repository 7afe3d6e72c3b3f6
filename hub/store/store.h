// The hub's durable truth: an ordered map of keys to values with transactions and a change log.
//
// One commit is one revision; revisions only grow. Every commit appends what it did to objects (keys
// below kObjectPrefix) to the change log; controllers, watches and dispatch follow that log, so that a
// committed change cannot go unnoticed, whatever crashes next. `hub/store/keys.h` documents every key.
//
// The interface is what LMDB (one process) and PostgreSQL's wire protocol (several hubs) can both give:
// a transaction is a function that may run more than once, so it must have no effect but on its Txn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"

namespace qleet::hub {

using Revision = std::uint64_t;

struct Entry {
  std::string key;
  std::string value;
  Revision revision = 0;  // that wrote it last
};

// Keys that start with `prefix` and, where given, come strictly after `after`; in byte order.
struct Range {
  std::string prefix;
  std::string after;
  size_t limit = SIZE_MAX;
};

struct Change {
  Revision revision = 0;
  std::string key;
  bool erased = false;
  bool created = false;  // there was no such key before this commit
  std::string value;     // the new value; the last one where erased
};

// A consistent view of one revision. Use by one thread at a time; short-lived (it holds back reuse of space).
class Reader {
 public:
  virtual ~Reader() = default;
  // All commits up to this one are seen. Where several hubs write, some later ones may be, too: so move no
  // cursor beyond this, and expect to be told again by the log (docs/decisions/0002-store.md).
  virtual Revision revision() const = 0;
  virtual Result<std::optional<Entry>> get(std::string_view key) const = 0;
  virtual Result<std::vector<Entry>> scan(const Range& range) const = 0;
};

// A Reader that sees its own writes. revision() is the revision that it will commit as.
class Txn : public Reader {
 public:
  virtual void put(std::string_view key, std::string value) = 0;
  virtual void erase(std::string_view key) = 0;
};

// Returning an error leaves the store as it was and hands the error to the caller of transact.
using TxnFunction = std::function<Result<>(Txn&)>;

struct StoreIdentity {
  std::string epoch;                 // changes when a store is made or restored
  std::vector<std::string> lineage;  // the epochs it descends from, newest first
};

// Thread-safe. Blocking: call from a thread that may wait.
class Store {
 public:
  virtual ~Store() = default;
  virtual Result<std::unique_ptr<Reader>> snapshot() const = 0;
  // Serializable. Returns once the commit is durable (fsync); many callers share one fsync. A
  // transaction that writes nothing returns the current revision and makes none of its own.
  virtual Result<Revision> transact(const TxnFunction& function) = 0;
  // Whole revisions in order, starting after `after`, at least `limit` changes unless fewer exist. kCompacted
  // when the log no longer reaches back that far.
  virtual Result<std::vector<Change>> changes(Revision after, size_t limit) const = 0;
  // Calls `wake` (from any thread, must not block) after each commit: a hint to read changes, never the
  // truth. Lives until the returned handle is destroyed.
  [[nodiscard]] virtual std::shared_ptr<void> subscribe(std::function<void(Revision)> wake) = 0;
  virtual StoreIdentity identity() const = 0;
};

}  // namespace qleet::hub
