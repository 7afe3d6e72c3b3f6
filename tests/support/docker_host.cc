#include "tests/support/docker_host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "tests/support/eventually.h"

namespace qleet::test {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDaemon = "/usr/sbin/dockerd";
constexpr Millis kReadyWithin{60'000};
constexpr Millis kStopWithin{30'000};

// Mounts below a folder, deepest first.
void unmount_below(const fs::path& folder) {
  std::ifstream in("/proc/self/mounts");
  std::vector<std::string> found;
  for (std::string line; std::getline(in, line);) {
    const auto start = line.find(' ') + 1;
    const auto target = line.substr(start, line.find(' ', start) - start);
    if (target.starts_with(folder.string() + "/")) found.push_back(target);
  }
  for (auto it = found.rbegin(); it != found.rend(); ++it) ::umount2(it->c_str(), MNT_DETACH);
}

}  // namespace

std::unique_ptr<DockerHost> DockerHost::start(std::string& why, bool& skip) {
  if (::geteuid() != 0 || !fs::exists(kDaemon)) {
    skip = true;
    why = ::geteuid() != 0 ? "Docker's daemon needs root"
                           : fmt::format("{} is not installed: see packaging/install-dependencies", kDaemon);
    return nullptr;
  }
  std::unique_ptr<DockerHost> host(new DockerHost);
  if (!host->make_folder("/tmp/qleet-docker-XXXXXX", why)) return nullptr;
  host->socket_ = (host->state_ / "docker.sock").string();
  if (!host->spawn(why) || !host->connect(why)) return nullptr;
  return host;
}

bool DockerHost::spawn(std::string& why, bool live_restore) {
  const fs::path home = state_ / "docker";
  std::error_code error;
  fs::create_directories(home, error);
  // Docker would change the machine's own rules and its bridge docker0: the tests need neither.
  std::vector<std::string> arguments{kDaemon,
                                     "--data-root=" + (home / "data").string(),
                                     "--exec-root=" + (home / "exec").string(),
                                     "--pidfile=" + (home / "pid").string(),
                                     "--host=unix://" + socket_,
                                     "--config-file=" + (home / "daemon.json").string(),
                                     "--bridge=none",
                                     "--iptables=false",
                                     "--ip6tables=false"};
  if (live_restore) arguments.emplace_back("--live-restore");
  std::ofstream(home / "daemon.json") << "{}\n";
  std::vector<char*> argv;
  for (auto& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const int log = ::open((home / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    ::setpgid(0, 0);
    ::dup2(log, 1);
    ::dup2(log, 2);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(log);
  containers::Client client(socket_);
  const bool ready = eventually([&] { return client.version().has_value(); }, kReadyWithin);
  if (!ready) why = fmt::format("{} does not come up: {}", kDaemon, last_words());
  return ready;
}

std::string DockerHost::last_words() const {
  std::ifstream in(state_ / "docker" / "log");
  std::string last;
  for (std::string line; std::getline(in, line);) last = line;
  return last;
}

void DockerHost::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  const bool ended = eventually([&] { return ::waitpid(pid_, nullptr, WNOHANG) == pid_; }, kStopWithin);
  if (!ended) {
    ::kill(-pid_, SIGKILL);  // with its containerd
    ::waitpid(pid_, nullptr, 0);
  }
  pid_ = 0;
}

bool DockerHost::kill_service() {
  const bool killed = ::kill(-pid_, SIGKILL) == 0;  // with its containerd, as a machine short of memory may
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
  return killed;
}

void DockerHost::bring_back_service() {
  // Where nobody reaps orphans, what was killed would pass for running.
  std::error_code error;
  for (const char* file : {"pid", "exec/containerd/containerd.pid"})
    fs::remove(state_ / "docker" / file, error);
  std::string why;
  (void)spawn(why);
}

bool DockerHost::restart(bool containers_go_on, std::string& why) {
  // What becomes of them is decided by the daemon that goes.
  if (!containers_go_on) {
    stop();
    if (!spawn(why, false)) return false;
  }
  stop();
  return spawn(why, containers_go_on);
}

DockerHost::~DockerHost() {
  remove_everything();
  stop();
  if (state_.empty()) return;
  unmount_below(state_);
  std::error_code error;
  fs::remove_all(state_, error);
}

}  // namespace qleet::test
