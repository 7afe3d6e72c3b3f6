#include "common/engine/podman_service.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "common/engine/client.h"
#include "common/log/log.h"
#include "common/model/reasons.h"

namespace qleet::containers {

namespace {

namespace fs = std::filesystem;

constexpr log::Logger kLog{"podman-service"};
constexpr Millis kFirstDelay{50};
constexpr Millis kLongestDelay{5'000};
constexpr Millis kStableAfter{10'000};
constexpr Millis kStartWithin{12'000};  // before it is taken to hang; commonly it takes 0.3 s
constexpr Millis kStopWithin{5'000};
constexpr unsigned kAsks = 2;  // without an answer, before it is taken to hang
constexpr std::chrono::minutes kBetweenDoubts{
    5};  // not more often is it killed for a lock that somebody else may hold
constexpr std::uintmax_t kLargestLog = 10U << 20U;

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Result<> write_file(const fs::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::trunc);
  out << text;
  out.close();
  if (!out) return fail(Code::kUnavailable, fmt::format("{}: cannot be written", path.string()));
  return {};
}

bool is_our_service(int pid, const std::string& socket) {
  return pid > 0 &&
         read_file(fmt::format("/proc/{}/cmdline", pid)).find("unix://" + socket) != std::string::npos;
}

void end_process(int pid) {
  ::kill(pid, SIGTERM);
  for (Millis waited{0}; waited < kStopWithin; waited += Millis(20)) {
    if (::kill(pid, 0) != 0) return;
    std::this_thread::sleep_for(Millis(20));
  }
  ::kill(pid, SIGKILL);
}

}  // namespace

PodmanService::PodmanService(PodmanOptions options)
    : options_(std::move(options)),
      root_(fs::absolute(options_.state) / "containers"),
      socket_((fs::absolute(options_.state) / "podman.sock").string()),
      suspected_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Result<std::unique_ptr<PodmanService>> PodmanService::start(PodmanOptions options) {
  std::unique_ptr<PodmanService> service(new PodmanService(std::move(options)));
  TRY(service->prepare());
  if (const int left = Client(service->socket_).service_pid(); is_our_service(left, service->socket_)) {
    end_process(left);
  }
  service->supervisor_ = std::thread([raw = service.get()] { raw->supervise(); });
  TRY(service->await_ready());
  return service;
}

PodmanService::~PodmanService() {
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    if (pid_ > 0) ::kill(pid_, SIGTERM);
  }
  wake_.notify_all();
  if (supervisor_.joinable()) {
    {
      MutexLock lock(mutex_);
      if (!wake_.wait_for(lock, kStopWithin, [this] { return pid_ == 0; })) ::kill(pid_, SIGKILL);
    }
    supervisor_.join();
  }
  ::close(suspected_);
}

void PodmanService::suspect() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(suspected_, &one, sizeof(one));
}

bool PodmanService::hangs(bool suspected) const {
  Client client(socket_);
  for (unsigned i = 0; i < kAsks; ++i) {
    if (client.version()) return suspected && !client.list({});
  }
  return true;
}

void PodmanService::await_end(int child) {
  const int ended = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  auto next_doubt = std::chrono::steady_clock::now();
  while (ended >= 0) {
    std::array<pollfd, 2> waits{pollfd{ended, POLLIN, 0}, pollfd{suspected_, POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), static_cast<int>(options_.ask_every.count())) < 0) continue;
    if (waits[0].revents != 0) break;
    std::uint64_t count = 0;
    const auto now = std::chrono::steady_clock::now();
    const bool suspected = ::read(suspected_, &count, sizeof(count)) > 0 && now >= next_doubt;
    if (suspected) next_doubt = now + kBetweenDoubts;
    if (!hangs(suspected)) continue;
    const MutexLock lock(mutex_);
    kLog.warn("container engine's service does not answer, starting it again",
              {{"pid", std::to_string(child)}});
    ::kill(child, SIGKILL);
  }
  if (ended >= 0) ::close(ended);
  // Not reaped yet, so that nobody signals a number that has become another process.
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
}

Result<> PodmanService::prepare() {
  if (socket_.size() >= sizeof(sockaddr_un{}.sun_path)) {
    return fail(
        Code::kInvalid,
        fmt::format("the socket's path {} is longer than the {} bytes that a unix socket may have: choose "
                    "a state folder with a shorter path",
                    socket_, sizeof(sockaddr_un{}.sun_path) - 1));
  }
  std::error_code error;
  // Podman takes a loss of these two for a reboot, and finds out about one in no other way; on a disk they
  // outlive it.
  const std::string boot = read_file("/proc/sys/kernel/random/boot_id");
  if (read_file(root_ / "boot_id") != boot) {
    fs::remove_all(root_ / "run", error);
    fs::remove_all(root_ / "tmp", error);
  }
  for (const char* part : {"graph", "run", "tmp", "volumes", "networks"}) {
    fs::create_directories(root_ / part, error);
    if (error) {
      return fail(Code::kUnavailable, fmt::format("{}: {}", (root_ / part).string(), error.message()));
    }
  }
  fs::permissions(root_, fs::perms::owner_all, error);
  TRY(write_file(root_ / "boot_id", boot));

  const std::string root = root_.string();
  // Two processes stay behind for this long (seconds) after each command run in a container, so after each
  // exec probe; Podman's default is five minutes.
  TRY(write_file(root_ / "containers.conf", fmt::format(R"([containers]
log_driver = "k8s-file"
log_size_max = 10485760
[engine]
runtime = "{1}"
cgroup_manager = "cgroupfs"
events_logger = "file"
events_logfile_path = "{0}/tmp/events.log"
lock_type = "file"
exit_command_delay = 10
tmp_dir = "{0}/tmp"
static_dir = "{0}/graph/libpod"
volume_path = "{0}/volumes"
[network]
network_backend = "netavark"
network_config_dir = "{0}/networks"
)",
                                                        root, options_.runtime)));
  TRY(write_file(root_ / "storage.conf", fmt::format(R"([storage]
driver = "overlay"
graphroot = "{0}/graph"
runroot = "{0}/run"
)",
                                                     root)));
  std::string search;
  for (const auto& registry : options_.search_registries)
    search += fmt::format("{}\"{}\"", search.empty() ? "" : ", ", registry);
  std::string registries = fmt::format("unqualified-search-registries = [{}]\n", search);
  for (const auto& registry : options_.insecure_registries) {
    registries += fmt::format("[[registry]]\nlocation = \"{}\"\ninsecure = true\n", registry);
  }
  return write_file(root_ / "registries.conf", registries);
}

int PodmanService::spawn() {
  std::vector<std::string> environment{
      fmt::format("CONTAINERS_CONF={}/containers.conf", root_.string()),
      fmt::format("CONTAINERS_STORAGE_CONF={}/storage.conf", root_.string()),
      fmt::format("CONTAINERS_REGISTRIES_CONF={}/registries.conf", root_.string()),
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"};
  for (const char* kept : {"PATH", "HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "XDG_RUNTIME_DIR"}) {
    const char* value = std::getenv(kept);
    if (!value) continue;
    std::erase_if(environment,
                  [&](const std::string& entry) { return entry.starts_with(std::string(kept) + "="); });
    environment.push_back(fmt::format("{}={}", kept, value));
  }
  std::vector<std::string> arguments{options_.podman, "--log-level=warn", "system",
                                     "service",       "--time=0",         "unix://" + socket_};
  std::vector<char*> argv, envp;
  for (auto& argument : arguments) argv.push_back(argument.data());
  for (auto& entry : environment) envp.push_back(entry.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);

  const std::string log = (root_ / "podman.log").string();
  std::error_code error;
  if (fs::file_size(log, error) > kLargestLog && !error) fs::remove(log, error);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    // It must not outlive an agent that is killed: the next one could not tell in which state it is.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    ::setpgid(0, 0);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(null, 0);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execvpe(argv[0], argv.data(), envp.data());
    constexpr std::string_view kMissing = "cannot run podman: is it installed?\n";
    [[maybe_unused]] const auto written = ::write(2, kMissing.data(), kMissing.size());
    ::_exit(127);
  }
  ::close(out);
  ::close(null);
  return child;
}

bool PodmanService::wait_for(Millis time) {
  MutexLock lock(mutex_);
  return wake_.wait_for(lock, time, [this]() REQUIRES(mutex_) { return stopping_; });
}

void PodmanService::supervise() {
  Millis delay = kFirstDelay;
  while (true) {
    int child = 0;
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
      std::error_code error;
      fs::remove(socket_, error);
      child = spawn();
      pid_ = child > 0 ? child : 0;
    }
    const auto started = std::chrono::steady_clock::now();
    int status = 0;
    if (child > 0) {
      await_end(child);
      const MutexLock lock(mutex_);
      ::waitpid(child, &status, 0);
      pid_ = 0;
      if (stopping_) {
        wake_.notify_all();
        return;
      }
    }
    if (std::chrono::steady_clock::now() - started > kStableAfter) delay = kFirstDelay;
    kLog.warn("container engine's service ended, starting it again",
              {{"status", std::to_string(status)}, {"delay_ms", std::to_string(delay.count())}});
    if (wait_for(delay)) return;
    delay = std::min(delay * 2, kLongestDelay);
    ++restarts_;
  }
}

Result<> PodmanService::await_ready() {
  Client client(socket_);
  const auto deadline = std::chrono::steady_clock::now() + options_.ready_within;
  auto patience = std::chrono::steady_clock::now() + kStartWithin;
  while (true) {
    const auto answer = client.version();
    if (answer) {
      kLog.info("container engine is up", {{"engine", *answer}, {"socket", socket_}});
      return {};
    }
    if (std::chrono::steady_clock::now() > deadline || restarts_ >= 8) {
      return fail(Code::kUnavailable, reasons::kHostUnavailable,
                  fmt::format("podman's service does not come up: {}", last_words()));
    }
    if (std::chrono::steady_clock::now() > patience) {
      patience += kStartWithin;
      const MutexLock lock(mutex_);
      kLog.warn("container engine's service hangs at its start, starting it again",
                {{"pid", std::to_string(pid_)}, {"error", answer.error().message}});
      if (pid_ > 0) ::kill(pid_, SIGKILL);
    }
    if (wait_for(Millis(20))) return fail(Code::kUnavailable, "stopped");
  }
}

std::string PodmanService::last_words() const {
  std::string text = read_file(root_ / "podman.log");
  while (text.ends_with('\n')) text.pop_back();
  const std::size_t line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

Result<> PodmanService::remove_all(const fs::path& state) {
  const fs::path root = fs::absolute(state) / "containers";
  // Podman keeps this one mounted on itself for as long as the host runs.
  const std::string overlay = (root / "graph" / "overlay").string();
  while (::umount2(overlay.c_str(), MNT_DETACH) == 0) {
  }
  std::error_code error;
  fs::remove(fs::absolute(state) / "podman.sock", error);
  fs::remove_all(root, error);
  if (error) return fail(Code::kUnavailable, fmt::format("{}: {}", root.string(), error.message()));
  return {};
}

std::vector<std::string> engine_sockets(const std::string& configured) {
  std::vector<std::string> out;
  const auto add = [&](std::string_view socket) {
    if (socket.starts_with("unix://")) socket.remove_prefix(7);
    if (socket.empty() || socket.find("://") != std::string_view::npos) return;
    if (std::find(out.begin(), out.end(), socket) == out.end()) out.emplace_back(socket);
  };
  add(configured);
  if (!configured.empty()) return out;
  if (const char* host = std::getenv("DOCKER_HOST")) add(host);
  add("/run/podman/podman.sock");
  add("/var/run/docker.sock");
  return out;
}

Result<std::string> find_engine(const std::vector<std::string>& sockets) {
  for (const auto& socket : sockets) {
    if (::access(socket.c_str(), R_OK | W_OK) != 0) continue;
    if (Client(socket).version()) return socket;
  }
  return fail(Code::kNotFound, reasons::kHostUnavailable,
              fmt::format("no container engine answers at {}", fmt::join(sockets, ", ")));
}

}  // namespace qleet::containers
