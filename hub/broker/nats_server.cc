#include "hub/broker/nats_server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>

#include "common/bus/nats_options.h"
#include "common/crypto/private_file.h"
#include "common/log/log.h"
#include "hub/broker/server_log.h"

namespace qleet::hub {
namespace {

namespace fs = std::filesystem;

constexpr log::Logger kLog{"broker"};
constexpr Millis kReadyWithin{15'000};
constexpr Millis kStopWithin{10'000};
constexpr Millis kStopSilentWithin{1'000};
constexpr Millis kFirstPause{100};
constexpr Millis kLongestPause{10'000};
constexpr Millis kStableAfter{60'000};
constexpr Millis kHousekeeping = std::chrono::minutes(10);
// From the end of a log that is searched for why its server has ended.
constexpr std::streamoff kLastWords = 64 << 10;
// Files that the server opens for other things than connections.
constexpr int kOtherFiles = 256;

struct Socket {
  int fd;
  explicit Socket(int given) : fd(given) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd >= 0) close(fd);
  }
};

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses resolve(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) return nullptr;
  return Addresses(list);
}

// Where a client on this machine reaches what listens on `host`.
std::string local_host(const std::string& host) {
  if (host.empty() || host == "0.0.0.0") return "127.0.0.1";
  if (host == "::") return "::1";
  return host;
}

bool wait_for(int fd, short events) {
  pollfd item{.fd = fd, .events = events, .revents = 0};
  return poll(&item, 1, 1'000) == 1;
}

// The first line that the server sends to whoever connects; empty if there is none within a second.
std::string greeting(const std::string& host, int port) {
  const auto addresses = resolve(host, port);
  if (!addresses) return {};
  const Socket socket(::socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (connect(socket.fd, addresses->ai_addr, addresses->ai_addrlen) != 0 && errno != EINPROGRESS) return {};
  std::string line;
  char chunk[4096];
  while (line.find('\n') == std::string::npos && line.size() < 65'536 && wait_for(socket.fd, POLLIN)) {
    const ssize_t got = recv(socket.fd, chunk, sizeof chunk, 0);
    if (got <= 0) break;
    line.append(chunk, static_cast<std::size_t>(got));
  }
  return line;
}

Result<int> free_port(const std::string& host) {
  const auto addresses = resolve(host, 0);
  if (!addresses) return fail(Code::kInvalid, fmt::format("\"{}\" is not an address to listen on", host));
  const Socket socket(::socket(addresses->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  if (bind(socket.fd, addresses->ai_addr, addresses->ai_addrlen) != 0 ||
      getsockname(socket.fd, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
    return fail(Code::kInvalid, fmt::format("cannot listen on {}: {}", host, std::strerror(errno)));
  }
  // The port lies at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

std::string find_binary(const std::string& given) {
  if (!given.empty()) return given;
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "" : path;
  folders += ":/usr/sbin:/usr/local/bin";
  for (std::size_t at = 0; at < folders.size();) {
    const auto end = std::min(folders.find(':', at), folders.size());
    const std::string candidate = folders.substr(at, end - at) + "/nats-server";
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return {};
}

// So many that it still can open the files which it needs: one that has none left does not store a
// revocation.
int most_connections(int wanted) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_max == RLIM_INFINITY) return wanted;
  const auto most = static_cast<std::int64_t>(std::min<rlim_t>(files.rlim_max, 1U << 30U)) - kOtherFiles;
  return static_cast<int>(std::clamp<std::int64_t>(most, 1, wanted));
}

bool contains_all(const std::vector<std::string>& has, const std::vector<std::string>& wanted) {
  return std::ranges::all_of(wanted,
                             [&](const auto& one) { return std::ranges::find(has, one) != has.end(); });
}

}  // namespace

NatsServer::NatsServer(NatsServerOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      stop_event_(eventfd(0, EFD_CLOEXEC)),
      moved_event_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  options_.names.dns.emplace_back(kBrokerTlsName);
}

NatsServer::~NatsServer() {
  stop();
  close(stop_event_);
  close(moved_event_);
}

Result<std::unique_ptr<NatsServer>> NatsServer::start(NatsServerOptions options, const Clock& clock) {
  auto server = std::unique_ptr<NatsServer>(new NatsServer(std::move(options), clock));
  TRY(server->prepare());
  (void)TRY(server->ensure_certificate());
  server->reused_ = TRY(server->adopt());
  if (!server->reused_) {
    ServerProcess process = TRY(server->launch());
    if (auto ready = server->wait_ready(process); !ready) {
      process.stop(kStopWithin);
      return std::unexpected(ready.error());
    }
    const MutexLock lock(server->mutex_);
    server->process_ = std::move(process);
  }
  kLog.info(server->reused_ ? "goes on with the running nats-server" : "nats-server started",
            {{"pid", std::to_string(server->pid())}, {"port", std::to_string(server->port())}});
  inotify_add_watch(server->moved_event_, server->options_.folder.c_str(), IN_MOVED_TO);
  remove_old_logs(server->config_.log_path());
  server->supervisor_ = std::thread([raw = server.get()] { raw->supervise(); });
  return server;
}

Result<> NatsServer::prepare() {
  std::error_code error;
  options_.folder = fs::absolute(options_.folder, error);
  fs::create_directories(options_.folder / "accounts", error);
  if (error) return fail(Code::kInternal, fmt::format("{}: {}", options_.folder.string(), error.message()));
  options_.binary = find_binary(options_.binary);
  if (options_.binary.empty()) {
    return fail(Code::kNotFound,
                "nats-server is not in PATH; install it (apt install nats-server), or give the hub "
                "an existing cluster");
  }
  config_.server_name = "qleet-" + options_.account.substr(0, 16);
  config_.host = options_.host;
  config_.port = TRY(choose_port());
  config_.folder = options_.folder;
  config_.max_connections = most_connections(config_.max_connections);
  config_.tls_timeout = options_.tls_timeout;
  config_.auth_timeout = options_.auth_timeout;
  config_.log_bytes = options_.log_bytes;
  config_.client_certificates = options_.client_certificates;
  config_.operator_jwt = options_.operator_jwt;
  config_.system_account = options_.system_account;
  config_.system_jwt = options_.system_jwt;
  const MutexLock files(files_mutex_);
  text_ = config_.text();
  return crypto::write_private_file(config_.client_ca_path(), options_.ca.certificate_pem);
}

Result<int> NatsServer::choose_port() const {
  if (options_.port != 0) return options_.port;
  const auto path = options_.folder / "port";
  const auto kept = crypto::read_private_file(path);
  // Agents know the old one: another is chosen only where there was none.
  if (!kept && kept.error().code != Code::kNotFound) return std::unexpected(kept.error());
  if (kept) {
    const int port = std::atoi(kept->c_str());
    if (port > 0 && port < 65'536) return port;
    return fail(Code::kInvalid, fmt::format("{}: not a port; write the one that agents use", path.string()));
  }
  const int port = TRY(free_port(options_.host));
  TRY(crypto::write_private_file(path, std::to_string(port)));
  return port;
}

// True if there is a new one.
Result<bool> NatsServer::ensure_certificate() {
  const WallTime now = clock_.wall();
  const auto chain = crypto::read_private_file(config_.certificate_path());
  const auto key = crypto::read_private_file(config_.key_path());
  const auto ca = TRY(crypto::inspect_certificate(options_.ca.certificate_pem));
  if (chain && key) {
    const auto info = crypto::inspect_certificate(*chain);
    if (info && crypto::signed_by(*chain, options_.ca.certificate_pem) &&
        crypto::belong_together(*chain, *key) && !crypto::renewal_due(*info, now, ca.not_after) &&
        contains_all(info->names.dns, options_.names.dns) &&
        contains_all(info->names.ips, options_.names.ips)) {
      return false;
    }
  }
  const auto made =
      TRY(crypto::make_server_certificate(options_.ca, options_.names, options_.certificate_lifetime, now));
  TRY(crypto::write_private_file(config_.key_path(), made.private_key_pem));
  TRY(crypto::write_private_file(config_.certificate_path(),
                                 made.certificate_pem + options_.ca.certificate_pem));
  return true;
}

// True if a server that an earlier hub left is in use again.
Result<bool> NatsServer::adopt() {
  auto found = ServerProcess::find(config_.pid_path(), config_.path());
  if (!found) return false;
  const auto text = crypto::read_private_file(config_.path());
  const bool answers = healthy();
  const MutexLock files(files_mutex_);
  if (answers && text && *text == text_) {
    // Reads again what the last hub may have had no time to tell it; connections stay.
    found->signal(SIGHUP);
    const MutexLock lock(mutex_);
    process_ = std::move(*found);
    return true;
  }
  kLog.warn("ends the nats-server of an earlier hub: it is not healthy, or its configuration has changed",
            {{"pid", std::to_string(found->pid())}});
  found->stop(answers ? kStopWithin : kStopSilentWithin);
  return false;
}

Result<ServerProcess> NatsServer::launch() {
  if (!greeting(local_host(config_.host), config_.port).empty()) {
    return fail(
        Code::kExists,
        fmt::format("port {} is taken by another program; end it, or choose another port", config_.port));
  }
  {
    const MutexLock files(files_mutex_);
    TRY(crypto::write_private_file(config_.path(), text_));
    launched_text_ = text_;
  }
  // Read by the server at start; later changes come over its system account.
  const auto account = config_.accounts_path() / (options_.account + ".jwt");
  const auto written = crypto::write_private_file(account, options_.account_jwt());
  if (!written && (written.error().code != Code::kFull || !std::filesystem::exists(account)))
    return std::unexpected(written.error());
  // How much its heap may grow between two collections, in percent: with 100, Go's own, a connection costs 70
  // KB, and 25 costs it no processor time that could be measured (docs/benchmarks.md).
  return ServerProcess::spawn({options_.binary, "-c", config_.path()}, config_.log_path(), {{"GOGC", "25"}});
}

Result<> NatsServer::wait_ready(const ServerProcess& process) const {
  const MonoTime end = clock_.mono() + kReadyWithin;
  while (clock_.mono() < end) {
    if (process.ended()) {
      return fail(Code::kInternal, fmt::format("nats-server ended at once: {} (log: {})", last_complaint(),
                                               config_.log_path().string()));
    }
    if (healthy()) return {};
    if (!pause(process.descriptor(), Millis(10))) return fail(Code::kUnavailable, "stopped");
  }
  return fail(Code::kDeadline, fmt::format("nats-server does not answer on port {}: {} (log: {})",
                                           config_.port, last_complaint(), config_.log_path().string()));
}

std::string NatsServer::version() const {
  constexpr std::string_view kMark = "\"version\":\"";
  const std::string line = greeting(local_host(config_.host), config_.port);
  const auto at = line.find(kMark);
  if (at == std::string::npos) return {};
  const auto begin = at + kMark.size();
  return line.substr(begin, line.find('"', begin) - begin);
}

bool NatsServer::healthy() const {
  return greeting(local_host(config_.host), config_.port)
             .find(fmt::format("\"server_name\":\"{}\"", config_.server_name)) != std::string::npos;
}

std::string NatsServer::last_complaint() const {
  std::ifstream file(config_.log_path(), std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::streamoff>(file.tellg());
  file.seekg(std::max<std::streamoff>(0, size - kLastWords));
  return last_words(file);
}

// False once the server shall stop; true when `also` (a descriptor; -1: none) is readable or time is up. Old
// logs go meanwhile as soon as there is a new one: whoever is refused again and again writes many.
bool NatsServer::pause(int also, Millis timeout) const {
  const MonoTime end = clock_.mono() + timeout;
  while (true) {
    pollfd items[] = {{.fd = stop_event_, .events = POLLIN, .revents = 0},
                      {.fd = also, .events = POLLIN, .revents = 0},
                      {.fd = moved_event_, .events = POLLIN, .revents = 0}};
    const auto left = std::max(end - clock_.mono(), Millis(0));
    poll(items, 3, static_cast<int>(left.count()));
    if (items[0].revents != 0) return false;
    if (items[2].revents != 0) log_has_moved();
    if (items[1].revents != 0 || clock_.mono() >= end) return true;
  }
}

void NatsServer::log_has_moved() const {
  char events[4096];
  while (read(moved_event_, events, sizeof events) > 0) {
  }
  {
    const MutexLock lock(refused_mutex_);
    std::ifstream log(newest_full_log(config_.log_path()), std::ios::binary);
    if (refused_)
      for (const auto& [key, per_second] : refusals_per_second(log)) refused_(key, per_second);
  }
  remove_old_logs(config_.log_path());
}

std::shared_ptr<void> NatsServer::on_refused(Refused refused) {
  const MutexLock lock(refused_mutex_);
  refused_ = std::move(refused);
  return {this, [](NatsServer* server) {
            const MutexLock ending(server->refused_mutex_);
            server->refused_ = nullptr;
          }};
}

void NatsServer::supervise() {
  Millis wait{0};  // before the next start; grows while the server keeps dying young
  MonoTime since = clock_.mono();
  while (true) {
    int descriptor = -1;
    {
      const MutexLock lock(mutex_);
      descriptor = process_->descriptor();
    }
    if (!pause(descriptor, kHousekeeping)) return;
    if (!ended()) {
      remove_old_logs(config_.log_path());
      continue;
    }
    tell_of_end();
    if (clock_.mono() - since > kStableAfter) wait = Millis(0);
    if (wait.count() > 0 && !pause(-1, wait)) return;
    wait = std::clamp(wait * 2, kFirstPause, kLongestPause);
    since = clock_.mono();
    if (const auto back = restart(); back) {
      kLog.info("nats-server is back", {{"pid", std::to_string(pid())}});
    } else {
      kLog.error("nats-server does not start", {{"why", back.error().message}});
    }
  }
}

bool NatsServer::ended() const {
  const MutexLock lock(mutex_);
  return process_->ended();
}

// A panic says nothing of the client whose message led to it.
void NatsServer::tell_of_end() const {
  const std::string last = last_complaint();
  if (!last.starts_with("panic: ") && !last.starts_with("fatal error: ")) {
    kLog.warn("nats-server ended by itself; starts it again", {{"last", last}});
    return;
  }
  const MutexLock files(files_mutex_);
  kLog.error(
      config_.client_certificates
          ? "nats-server was brought down by a fault of its own; starts it again. If a client did it on "
            "purpose, it has a certificate of this hub: an agent's. Install a newer nats-server "
            "(--nats-server)"
          : "nats-server was brought down by a fault of its own; starts it again. Anybody who reaches its "
            "port "
            "may have done it on purpose, as it takes clients without a certificate",
      {{"last", last}, {"log", config_.log_path().string()}});
}

Result<> NatsServer::renew_certificate() {
  const MutexLock files(files_mutex_);
  if (!TRY(ensure_certificate())) return {};
  kLog.info("made a new certificate for the broker", {{"file", config_.certificate_path().string()}});
  const MutexLock lock(mutex_);
  if (process_) process_->signal(SIGHUP);
  return {};
}

Result<crypto::CertificateInfo> NatsServer::certificate() const {
  return crypto::inspect_certificate(TRY(crypto::read_private_file(config_.certificate_path())));
}

Result<> NatsServer::require_client_certificates() {
  const MutexLock files(files_mutex_);
  if (config_.client_certificates) return {};
  NatsConfig wanted = config_;
  wanted.client_certificates = true;
  TRY(crypto::write_private_file(wanted.path(), wanted.text()));
  config_.client_certificates = true;
  text_ = wanted.text();
  const MutexLock lock(mutex_);
  if (process_) process_->signal(SIGHUP);
  return {};
}

// On an error there is no server; the dead one stays in its place, so that the next round tries again.
Result<> NatsServer::restart() {
  ServerProcess process = TRY(launch());
  if (auto ready = wait_ready(process); !ready) {
    process.stop(kStopWithin);
    return ready;
  }
  const MutexLock files(files_mutex_);
  const MutexLock lock(mutex_);
  process_ = std::move(process);
  // What has changed meanwhile was told to the one that had ended.
  if (launched_text_ != text_) process_->signal(SIGHUP);
  return {};
}

std::string NatsServer::local_url() const {
  const std::string host = local_host(config_.host);
  const bool bare = host.find(':') == std::string::npos;
  return fmt::format("tls://{}:{}", bare ? host : "[" + host + "]", config_.port);
}

pid_t NatsServer::pid() const {
  const MutexLock lock(mutex_);
  return process_ ? process_->pid() : -1;
}

void NatsServer::end_supervision() {
  const std::uint64_t one = 1;
  (void)!write(stop_event_, &one, sizeof one);
  if (supervisor_.joinable()) supervisor_.join();
}

void NatsServer::stop() {
  end_supervision();
  const MutexLock lock(mutex_);
  if (process_ && !process_->ended() && !process_->stop(kStopWithin)) {
    kLog.warn("nats-server had to be killed");
  }
  process_.reset();
}

void NatsServer::leave() {
  end_supervision();
  const MutexLock lock(mutex_);
  process_.reset();
}

}  // namespace qleet::hub
