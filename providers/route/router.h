// One haproxy: its folder on the host, its configuration, and what a running one is told.
//
// The folder holds what survives everything: a file per route (routes/), the configuration made of them, and
// the two sockets. Endpoints that come and go are told to the running process and written down for the next;
// only a new or removed route reloads, and that keeps the listening socket and every connection.
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "providers/route/admin.h"
#include "providers/route/config.h"

namespace qleet::route {

// Thread-safe.
class Router {
 public:
  // Says whether haproxy finds that file (name within the folder) in order; its words if not.
  using Check = std::function<Result<>(const std::string& file)>;

  Router(std::filesystem::path folder, Check check)
      : folder_(std::move(folder)), admin_(folder_), check_(std::move(check)) {}

  const std::filesystem::path& folder() const { return folder_; }

  // Makes the folder and a configuration in it, before the first start or for another address.
  Result<> prepare(const Listen& listen);
  Listen listen() const;
  // It answers and runs the configuration that is written.
  bool current() const;

  // By Entry::key.
  std::optional<Entry> find(const std::string& key) const;
  std::vector<Entry> entries() const;
  // Adds or changes a route, keeping the targets that it has; reloads where it must. kConflict: another route
  // has the same host and path.
  Result<> put(Entry entry);
  Result<> erase(const std::string& key);
  // The running haproxy knows it.
  bool serves(const Entry& entry) const;

  // Leads the route's traffic to `targets`; true once no request is on its way to any other.
  Result<bool> lead(const std::string& key, const std::vector<Target>& targets);
  // Runs what is written: after a start with an older configuration.
  Result<> reload();

 private:
  std::vector<Entry> read() const;
  Result<> write(const std::vector<Entry>& entries) const;
  Result<> save(const Entry& entry) const;
  std::filesystem::path file_of(const std::string& key) const;
  Result<> reload_locked();
  Result<bool> lead_locked(Entry& entry, const std::vector<Target>& targets);

  std::filesystem::path folder_;
  Admin admin_;
  Check check_;
  mutable std::mutex mutex_;
};

}  // namespace qleet::route
