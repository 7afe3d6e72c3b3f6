// One haproxy: its folder on the host, its configuration, and what a running one is told.
//
// The folder holds what survives everything: a file per route (routes/), the configuration made of them, and
// the two sockets. Endpoints that come and go are told to the running process and written down for the next;
// only a new or removed route, or one that takes over from another, reloads, and that keeps the listening
// socket and every connection. All routes change together: haproxy has the whole old set or the whole new
// one.
//
// A route whose host, path or workload changes leaves an entry behind ("departing"), which serves until its
// successor can (handover.h). A backend belongs to one route and one workload for ever: none of its servers
// is ever given to another application.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "common/thread/mutex.h"
#include "providers/route/admin.h"
#include "providers/route/config.h"
#include "providers/route/handover.h"

namespace qleet::route {

// What is known of the workload of an entry.
struct Sight {
  std::optional<std::vector<Target>> targets;  // empty: nothing is known yet
  bool leaving = false;
};

// What a router is given. All are called from any thread, with its lock held; none may call it back.
struct Surroundings {
  // Says whether haproxy finds that file (name within the folder) in order; its words if not.
  std::function<Result<>(const std::string& file)> check;
  std::function<Sight(const Entry&)> sight;
  // It serves now, or no longer: its resource is to be looked at, and its traffic to be led again.
  std::function<void(const Entry&)> changed;
};

// Thread-safe.
class Router {
 public:
  Router(std::filesystem::path folder, Surroundings around)
      : folder_(std::move(folder)), admin_(folder_), around_(std::move(around)) {}

  const std::filesystem::path& folder() const { return folder_; }

  // Makes the folder and a configuration in it, before the first start or for another address. Servers that
  // nobody vouches for are left out: what has their address by now may be somebody else.
  Result<> prepare(const Listen& listen);
  Listen listen() const;
  // The same for one that may run: it is led over by a reload, which keeps every connection that is in use.
  Result<> change(const Listen& listen);
  // The hash of the template that address and settings are as wanted for; empty: not known.
  std::string made_for() const;
  Result<> note_made_for(const std::string& hash) const;
  // It answers and runs the configuration that is written.
  bool current() const;

  // By Entry::key: as it is wanted; and with what it left behind.
  std::optional<Entry> find(const std::string& key) const;
  std::vector<Entry> all_of(const std::string& key) const;
  std::vector<Entry> entries() const;
  // Adds or changes a route; reloads where it must. It may have to wait: `serves` of find() says so.
  Result<> put(Entry entry);
  // False: what it served goes on until a successor is ready, or it is clear that there is none.
  Result<bool> erase(const std::string& key);
  // The running haproxy knows it.
  bool serves(const Entry& entry) const;
  // Who serves the entry's host and path, where that is another; and whether it is about to give them up.
  struct Holder {
    std::string resource;
    bool outgoing = false;
  };
  std::optional<Holder> holder(const Entry& entry) const;

  struct Led {
    bool done = false;            // no request is on its way to any other target
    bool gone = false;            // there is no such entry (any more)
    bool released = false;        // its workload, which leaves, is not needed for it
    std::optional<Millis> again;  // look again then
    std::optional<Error> error;   // haproxy could not be told
  };
  // Leads the traffic of a backend to `targets` (empty: as it is), and lets routes pass to their successors.
  Result<Led> lead(const std::string& backend, const std::optional<std::vector<Target>>& targets);
  // Runs what is written: after a start with an older configuration.
  Result<> reload();

 private:
  std::vector<Entry> read() const;
  Result<> write(const std::vector<Entry>& entries, const char* file) const;
  Result<> save(const Entry& entry) const;
  Result<> write_listen(const Listen& listen) const;
  Result<> commit(const std::vector<Entry>& before, const std::vector<Entry>& after) REQUIRES(mutex_);
  Arrangement arrange_in(std::vector<Entry>& entries) REQUIRES(mutex_);
  Result<Arrangement> rearrange_locked(std::vector<Entry>& entries) REQUIRES(mutex_);
  bool busy_elsewhere(const std::string& backend, const std::vector<Target>& targets) const;
  std::filesystem::path file_of(const Entry& entry) const;
  Result<> reload_locked() REQUIRES(mutex_);
  Result<bool> lead_locked(Entry& entry, const std::vector<Target>& targets) REQUIRES(mutex_);

  std::filesystem::path folder_;
  Admin admin_;
  Surroundings around_;
  mutable Mutex mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> outgoing_
      GUARDED_BY(mutex_);  // backend -> since when
};

}  // namespace qleet::route
