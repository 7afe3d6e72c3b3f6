// The engine of a host that has none running: `podman system service`, run and kept alive by us, with
// configuration and storage of its own under one folder. Nothing of the system's own Podman is read or
// changed (but /run/containers/networks, where every Podman of root keeps its name server's files, by network
// name).
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "common/thread/mutex.h"

namespace qleet::containers {

struct PodmanOptions {
  std::filesystem::path state;  // the socket and the folder "containers" are made here
  std::string podman = "podman";
  std::string runtime = "runc";                  // crun refuses hosts with both cgroup versions
  std::vector<std::string> search_registries;    // where images whose name has no registry are looked for
  std::vector<std::string> insecure_registries;  // host:port, spoken to without TLS
  Millis ready_within{60'000};
  Millis ask_every{30'000};  // whether it still answers
};

// Containers outlive it: it is only their API.
class PodmanService {
 public:
  // Returns once the API answers. A service that an agent before us left behind on this socket is replaced.
  // kInvalid: the socket's path is too long; kUnavailable: podman is not installed or does not come up, with
  // its last words.
  static Result<std::unique_ptr<PodmanService>> start(PodmanOptions options);
  // Stops the service, not the containers.
  ~PodmanService();
  PodmanService(const PodmanService&) = delete;
  PodmanService& operator=(const PodmanService&) = delete;

  const std::string& socket() const { return socket_; }
  int pid() const { return pid_; }
  // How often it had to be started again.
  unsigned restarts() const { return restarts_; }
  // Some call had no answer in its time. It is asked at once, also for what takes the locks of its
  // containers, and started again when it does not answer. Thread-safe, returns at once.
  void suspect();

  // Removes what a stopped service kept under `state`: images, volumes, mounts, configuration. The
  // containers must be gone before.
  static Result<> remove_all(const std::filesystem::path& state);

 private:
  explicit PodmanService(PodmanOptions options);
  Result<> prepare();
  int spawn();
  void supervise();
  // Returns when the child has ended. One that no longer answers is killed.
  void await_end(int child);
  bool hangs(bool suspected) const;
  bool wait_for(Millis time);
  Result<> await_ready();
  std::string last_words() const;

  PodmanOptions options_;
  std::filesystem::path root_;
  std::string socket_;
  std::atomic<int> pid_{0};
  std::atomic<unsigned> restarts_{0};
  Mutex mutex_;
  Condition wake_;
  bool stopping_ GUARDED_BY(mutex_) = false;
  int suspected_ = -1;  // eventfd
  std::thread supervisor_;
};

// Where an engine may listen, most specific first: `configured`, DOCKER_HOST when it names a unix socket,
// Podman's and Docker's own.
std::vector<std::string> engine_sockets(const std::string& configured);

// The first of them that answers; kNotFound with reason HostUnavailable naming those that were tried.
Result<std::string> find_engine(const std::vector<std::string>& sockets);

}  // namespace qleet::containers
