#include "tests/simulation/jobs.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace qleet::sim {
namespace {

constexpr std::uint64_t kTellEvery = 1'000;

// What a process says of one history: this, then `text_size` bytes.
struct Played {
  std::uint64_t seed = 0;
  Tally tally;
  std::uint64_t text_size = 0;
};

std::string text_of(const Outcome& outcome, std::uint64_t seed) {
  std::string text =
      fmt::format("seed {}: {} operations, {} faults, {} s simulated, trace {:016x}\n", seed,
                  outcome.operations, outcome.faults, outcome.simulated.count() / 1000, outcome.trace_hash);
  for (const auto& finding : outcome.findings)
    text += fmt::format("  {}: {}\n", name_of(finding.rule), finding.what);
  if (!outcome.findings.empty()) text += fmt::format("  again: simulation --seed {} --trace\n", seed);
  return text;
}

std::pair<Played, std::string> play_one(const JobsOptions& options, std::uint64_t seed) {
  const auto outcome =
      play({.seed = seed, .print = options.trace, .sabotage = options.sabotage, .copies = options.copies});
  Played played{.seed = seed,
                .tally = {.played = 1,
                          .operations = outcome.operations,
                          .faults = outcome.faults,
                          .failed = outcome.findings.empty() ? 0U : 1U,
                          .hash = outcome.trace_hash * (2 * seed + 1)},
                .text_size = 0};
  std::string text;
  if (played.tally.failed > 0 || options.first == options.last) text = text_of(outcome, seed);
  played.text_size = text.size();
  return {played, std::move(text)};
}

void write_all(int fd, const void* data, size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const auto written = ::write(fd, at, size);
    if (written <= 0) ::_exit(1);  // nobody listens any more
    at += written;
    size -= static_cast<size_t>(written);
  }
}

// Every `jobs`th seed: those that take long are spread over all.
[[noreturn]] void work(const JobsOptions& options, unsigned index, int fd) {
  for (std::uint64_t seed = options.first + index; seed <= options.last; seed += options.jobs) {
    const auto [played, text] = play_one(options, seed);
    write_all(fd, &played, sizeof played);
    write_all(fd, text.data(), text.size());
  }
  ::_exit(0);
}

struct Worker {
  pid_t pid = 0;
  int fd = -1;
  std::uint64_t next = 0;  // the seed that it plays
  std::string received = {};

  // The next history that it told of whole.
  std::optional<std::pair<Played, std::string>> take() {
    Played played;
    if (received.size() < sizeof played) return std::nullopt;
    std::memcpy(&played, received.data(), sizeof played);
    if (received.size() < sizeof played + played.text_size) return std::nullopt;
    auto text = received.substr(sizeof played, played.text_size);
    received.erase(0, sizeof played + played.text_size);
    return std::pair{played, std::move(text)};
  }
};

class Jobs {
 public:
  Jobs(const JobsOptions& options, const std::function<void(const std::string&)>& told,
       const std::function<void(const Tally&)>& progress)
      : options_(options), told_(told), progress_(progress) {}

  Tally here() {
    for (std::uint64_t seed = options_.first; seed <= options_.last && !ends(); ++seed) {
      const auto [played, text] = play_one(options_, seed);
      count(played.tally, text);
    }
    return tally_;
  }

  Tally in_processes() {
    for (unsigned i = 0; i < options_.jobs; ++i) begin(i);
    while (!workers_.empty()) {
      std::vector<pollfd> polled;
      for (const auto& worker : workers_) polled.push_back({worker.fd, POLLIN, 0});
      if (::poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR)
        throw std::runtime_error("poll: " + std::string(std::strerror(errno)));
      for (size_t i = polled.size(); i-- > 0 && !workers_.empty();)
        if (polled[i].revents != 0) read(i);
    }
    return tally_;
  }

 private:
  bool ends() const { return tally_.failed > 0 && !options_.go_on; }

  void begin(unsigned index) {
    int fds[2];
    if (::pipe(fds) != 0) throw std::runtime_error("pipe: " + std::string(std::strerror(errno)));
    const pid_t pid = ::fork();
    if (pid < 0) throw std::runtime_error("fork: " + std::string(std::strerror(errno)));
    if (pid == 0) {
      ::close(fds[0]);
      work(options_, index, fds[1]);
    }
    ::close(fds[1]);
    workers_.push_back({.pid = pid, .fd = fds[0], .next = options_.first + index});
  }

  void read(size_t index) {
    Worker& worker = workers_[index];
    char buffer[4096];
    const auto size = ::read(worker.fd, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) return;
    if (size > 0) worker.received.append(buffer, static_cast<size_t>(size));
    bool closed = size <= 0;
    while (!closed) {
      const auto one = worker.take();
      if (!one) return;
      worker.next = one->first.seed + options_.jobs;
      count(one->first.tally, one->second);
      closed = ends();
    }
    end(index);
  }

  // A pipe that nobody reads ends its writer.
  void end(size_t index) {
    const Worker worker = std::move(workers_[index]);
    workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(index));
    ::close(worker.fd);
    const bool stopped = ends();
    if (stopped)
      for (auto& other : workers_)
        if (other.fd >= 0) ::close(std::exchange(other.fd, -1));
    int status = 0;
    ::waitpid(worker.pid, &status, 0);
    if (stopped) {
      for (const auto& other : std::exchange(workers_, {})) ::waitpid(other.pid, &status, 0);
    } else if (status != 0 && worker.next <= options_.last) {
      count(
          {.played = 1, .operations = 0, .faults = 0, .failed = 1, .hash = 0},
          fmt::format("seed {}: its process ended with status {}{}\n  again: simulation --seed {} --trace\n",
                      worker.next, status,
                      WIFSIGNALED(status) ? fmt::format(" (signal {})", WTERMSIG(status)) : "", worker.next));
    }
  }

  void count(const Tally& one, const std::string& text) {
    tally_.add(one);
    if (!text.empty()) told_(text);
    if (tally_.played % kTellEvery == 0) progress_(tally_);
  }

  const JobsOptions& options_;
  const std::function<void(const std::string&)>& told_;
  const std::function<void(const Tally&)>& progress_;
  Tally tally_;
  std::vector<Worker> workers_;
};

}  // namespace

void Tally::add(const Tally& other) {
  played += other.played;
  operations += other.operations;
  faults += other.faults;
  failed += other.failed;
  hash += other.hash;
}

Tally play_all(const JobsOptions& options, const std::function<void(const std::string&)>& told,
               const std::function<void(const Tally&)>& progress) {
  Jobs jobs(options, told, progress);
  return options.jobs < 2 ? jobs.here() : jobs.in_processes();
}

}  // namespace qleet::sim
