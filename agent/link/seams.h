// What the session with the hub needs from the rest of the agent. The journal and the engine stand behind
// these; docs/protocol.md says why they are cut this way.
//
// Who decides: the session alone decides which statement of the hub is accepted (common/sync/accept.h). What
// it hands over is to be stored and acted upon as it stands, and nothing else ever removes an entry.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "common/text/log_line.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::agent {

// One entry of the journal, without its content.
struct HeldResource {
  std::string name;
  std::uint32_t generation = 0;
  std::string hash;
  // The hub epoch that stated it last; empty: disowned (no hub states it, it is kept running).
  std::string epoch;
  bool deleted = false;  // a tombstone that is being carried out
  std::string uid;       // DesiredResource.uid as it was stated; another uid is another resource
  bool kept = false;     // stated as a tombstone that is not honoured
};

struct Holding {
  std::string epoch;  // of the hub, that the agent knows; empty only before the first sync
  std::uint64_t position = 0;
  std::vector<HeldResource> resources;
  std::vector<std::string> lineage = {};  // other epochs that it knows (sync::KnownEpochs)
};

// One accepted step. Everything in it is stored in one durable transaction, then handed to the engine.
struct DesiredChange {
  std::string epoch;                 // known from now on
  std::vector<std::string> lineage;  // known besides it: all of it, each time
  std::uint64_t position = 0;
  // New content of these entries; their epoch is `epoch`. `deleted` set: delete it now; clear: make or keep
  // it so, also where it was being deleted.
  std::vector<wire::v1::DesiredResource> put;
  // Of those in `put`: stated as tombstones that are not honoured.
  std::vector<std::string> kept;
  // Entries whose epoch becomes empty; content and running state stay untouched.
  std::vector<std::string> disown;
  // Entries that are gone and confirmed: drop them.
  std::vector<std::string> forget;
};

// Called on the session's thread only.
class Desired {
 public:
  virtual ~Desired() = default;
  // What the journal holds; read once, when the session starts.
  virtual Result<Holding> holding() = 0;
  // Durable when it returns. On an error nothing was stored.
  virtual Result<> commit(const DesiredChange& change) = 0;
};

struct ReportVersion {
  std::string name;
  std::uint64_t version = 0;
};

// Status on its way to the hub. A report stays unconfirmed, also over a restart, until `confirm` has named
// its version or a newer one. Versions grow per resource: max(last + 1, milliseconds since 1970), so that
// they also grow when a journal was lost. Thread-safe: called on the session's thread while the engine goes
// on.
class Reports {
 public:
  virtual ~Reports() = default;
  // `changed` is called (any thread, must not block) when a resource has a new report, or, with an empty
  // name, when there is a new event. Replaces the one before; an empty function ends it.
  virtual void on_change(std::function<void(const std::string& name)> changed) = 0;
  // Names of the resources with an unconfirmed report.
  virtual std::vector<std::string> unconfirmed() = 0;
  // The newest report, also when it is confirmed; nullopt: there is none.
  virtual std::optional<wire::v1::ResourceReport> report(const std::string& name) = 0;
  virtual Result<> confirm(const std::vector<ReportVersion>& versions) = 0;
  // Makes every report unconfirmed again: another life of the hub's store may not have them.
  virtual Result<> unconfirm_all() = 0;
  // The oldest unconfirmed events, and their end.
  virtual std::vector<wire::v1::EventReport> events(size_t limit) = 0;
  virtual Result<> confirm_events(const std::vector<std::string>& ids) = 0;
};

// Logs of one resource, as the engine finds them through its provider. Thread-safe; runs on a thread of the
// caller's, until the end or until `sink` returns false; the sink may make it wait. `sink` is called at least
// every few seconds, with an empty line without a source where there is nothing to say: that is when it can
// end a quiet stream. One that follows ends by itself when the resource is no longer wanted here.
class LogReader {
 public:
  struct Request {
    std::string resource;
    std::string container;  // empty: all
    LogWish wish;
  };
  virtual ~LogReader() = default;
  virtual Result<> read(const Request& request, const std::function<bool(const LogLine&)>& sink) = 0;
};

}  // namespace qleet::agent
