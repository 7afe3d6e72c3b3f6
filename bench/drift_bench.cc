// How long drift lasts: containers that an agent keeps are killed, stopped and removed behind its back, and
// the time until each runs again is measured by the engine's own clock (State.StartedAt), beside what the
// engine itself needs for the same when its caller knows at once what to do.
//
//   bench_drift HUB_URL CA_FILE TOKEN_FILE ENGINE_SOCKET IMAGE CONTAINERS
//
// Each container is hurt once: one that is hurt again soon is brought back later on purpose. All of them run
// while the first is hurt.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/hub_client.h"
#include "common/engine/client.h"
#include "common/engine/ownership.h"
#include "qleet/v1/delivery.pb.h"

namespace {

using namespace qleet;  // NOLINT(google-build-using-namespace)
using containers::Client;

using Wall = std::chrono::system_clock;

[[noreturn]] void fail_with(const std::string& what) {
  std::fputs(("bench_drift: " + what + "\n").c_str(), stderr);
  std::exit(1);
}

template <class T>
T need(Result<T> result) {
  if (!result) fail_with(result.error().message);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::string read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// RFC 3339 with nanoseconds; the engine's times are in UTC or carry an offset.
Wall::time_point time_of(const std::string& text) {
  std::tm tm{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
  if (rest == nullptr) return {};
  double fraction = 0;
  if (*rest == '.') {
    char* end = nullptr;
    fraction = std::strtod(("0" + std::string(rest)).c_str(), &end);
    ++rest;
    while (*rest >= '0' && *rest <= '9') ++rest;
  }
  long offset = 0;
  if (*rest == '+' || *rest == '-')
    offset = (*rest == '-' ? -1 : 1) *
             (std::strtol(rest + 1, nullptr, 10) * 3600 + std::strtol(rest + 4, nullptr, 10) * 60);
  return Wall::from_time_t(::timegm(&tm) - offset) +
         std::chrono::duration_cast<Wall::duration>(std::chrono::duration<double>(fraction));
}

double ms_between(Wall::time_point from, Wall::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

double part_of(std::vector<double>& ms, double part) {
  return ms[std::min(ms.size() - 1, static_cast<std::size_t>(part * static_cast<double>(ms.size())))];
}

void print_row(const std::string& what, std::vector<double> ms) {
  std::ranges::sort(ms);
  fmt::print("{:<58} {:>5} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f}\n", what, ms.size(), ms.front(),
             part_of(ms, 0.5), part_of(ms, 0.99), ms.back());
  std::fflush(stdout);
}

enum class Harm { kKilled, kStopped, kRemoved };
constexpr std::array kHarms{std::pair(Harm::kKilled, "kill -9"), std::pair(Harm::kStopped, "podman stop"),
                            std::pair(Harm::kRemoved, "podman rm -f")};

void hurt(Client& engine, Harm harm, const containers::ContainerDetails& container) {
  switch (harm) {
    case Harm::kKilled:
      ::kill(static_cast<pid_t>(container.pid), SIGKILL);
      return;
    case Harm::kStopped:
      // It may complain that the container runs again before it has ended.
      (void)engine.stop(container.name, Millis(0));
      return;
    case Harm::kRemoved:
      (void)engine.remove(container.name);
      return;
  }
}

// Waits for a container with these labels that was started after `since`.
Wall::time_point back(Client& engine, const containers::Labels& labels, Wall::time_point since) {
  const auto patience = Wall::now() + std::chrono::seconds(60);
  while (Wall::now() < patience) {
    for (const auto& one : need(engine.list(labels))) {
      const auto details = engine.inspect(one.id);
      if (details && details->running() && time_of(details->started_at) > since)
        return time_of(details->started_at);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
  fail_with("a container did not come back within a minute");
}

// Knows what to do as soon as the engine says that something happened.
class Alone {
 public:
  Alone(const std::string& socket, std::string image) : engine_(socket), image_(std::move(image)) {
    listener_ = std::jthread([this, socket](const std::stop_token& stop) {
      Client listening(socket);
      (void)listening.events(
          stop, [this] { note(""); },
          [this](const containers::Event& event) {
            if (event.action == "died" || event.action == "die" || event.action == "remove") note(event.name);
            return true;
          });
    });
    wait_for("");
  }

  double round(Harm harm, int number) {
    const std::string name = fmt::format("bench-drift-alone-{}", number);
    create(name);
    need(engine_.start(name));
    const auto details = need(engine_.inspect(name));
    const auto begun = Wall::now();
    std::jthread hurting([&] { hurt(engine_, harm, details); });
    wait_for(name);
    if (harm != Harm::kKilled) hurting.join();
    if (harm == Harm::kRemoved) create(name);
    need(engine_.start(name));
    const double ms = ms_between(begun, time_of(need(engine_.inspect(name)).started_at));
    if (hurting.joinable()) hurting.join();
    need(engine_.remove(name));
    return ms;
  }

 private:
  void create(const std::string& name) {
    const boost::json::object limit{{"Name", "nofile"}, {"Soft", 1024}, {"Hard", 1024}};
    const boost::json::object processes{{"Name", "nproc"}, {"Soft", 1024}, {"Hard", 1024}};
    need(engine_.create_container(
        name, {{"Image", image_}, {"HostConfig", {{"Ulimits", boost::json::array{limit, processes}}}}}));
  }
  void note(const std::string& name) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(name);
    changed_.notify_all();
  }
  void wait_for(const std::string& name) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60),
                           [&] { return std::ranges::find(seen_, name) != seen_.end(); }))
      fail_with("the engine says nothing");
  }

  Client engine_;
  std::string image_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> seen_;
  std::jthread listener_;
};

std::string application(int number, const std::string& image) {
  return fmt::format(
      R"({{"apiVersion":"qleet.io/v1","kind":"Application","metadata":{{"name":"drift-{}"}},"spec":{{"workloads":{{"web":{{"score":{{"containers":{{"web":{{"image":"{}"}}}}}}}}}}}}}})",
      number, image);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 7) fail_with("usage: bench_drift HUB_URL CA_FILE TOKEN_FILE ENGINE_SOCKET IMAGE CONTAINERS");
  cli::HubClient hub(cli::HubContext{argv[1], read_file(argv[3]), read_file(argv[2]) + "\n"});
  Client engine(argv[4]);
  const std::string image = argv[5];
  const int count = std::max(3, std::atoi(argv[6]));
  const auto labels_of = [](int number) {
    return containers::Labels{
        {containers::labels::kResource, fmt::format("local-1.default.drift-{}.workload.web", number)}};
  };

  const auto begun = Wall::now();
  for (int i = 0; i < count; ++i) need(hub.send("POST", "/v1/apply", application(i, image)));
  std::vector<containers::ContainerDetails> running;
  for (int i = 0; i < count; ++i) {
    (void)back(engine, labels_of(i), begun);
    running.push_back(need(engine.inspect(need(engine.list(labels_of(i))).front().id)));
  }
  fmt::print("{} containers brought up in {:.1f} s\n", count, ms_between(begun, Wall::now()) / 1000);
  // What their start left behind is over.
  std::this_thread::sleep_for(std::chrono::seconds(12));

  Alone alone(argv[4], image);
  for (const auto& [harm, what] : kHarms) {
    std::vector<double> kept;
    std::vector<double> own;
    for (int i = static_cast<int>(harm); i < count; i += static_cast<int>(kHarms.size())) {
      const auto since = Wall::now();
      hurt(engine, harm, running[static_cast<std::size_t>(i)]);
      kept.push_back(ms_between(since, back(engine, labels_of(i), since)));
      own.push_back(alone.round(harm, i));
    }
    print_row(fmt::format("{}: until it runs again", what), kept);
    print_row(fmt::format("{}: podman alone, by who knows at once", what), own);
  }
  std::_Exit(0);
}
