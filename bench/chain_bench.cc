// From an application's apply to its being reported as running, measured from outside: over HTTPS, as a
// client sees it.
//
//   bench_chain HUB_URL CA_FILE TOKEN_FILE ROUNDS noop
//   bench_chain HUB_URL CA_FILE TOKEN_FILE ROUNDS container ENGINE_SOCKET IMAGE
//
// bench/run brings up the hub and the agent that it needs, and says what the columns mean.
#include <fmt/format.h>

#include <algorithm>
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
#include "cli/sse.h"
#include "qleet/v1/delivery.pb.h"

namespace {

using namespace qleet;       // NOLINT(google-build-using-namespace)
using namespace qleet::cli;  // NOLINT(google-build-using-namespace)

using Steady = std::chrono::steady_clock;

double ms_between(Steady::time_point from, Steady::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

std::string read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

[[noreturn]] void fail_with(const std::string& what) {
  std::fputs(("bench_chain: " + what + "\n").c_str(), stderr);
  std::exit(1);
}

// When each resource of a workload was first seen ready, by the watch.
class Watch {
 public:
  explicit Watch(HubClient& hub)
      : thread_([this, &hub](std::stop_token stop) {
          SseReader reader([this](const SseEvent& event) { take(event); });
          while (!stop.stop_requested()) {
            (void)hub.stream(
                "/v1/resources?watch=true&region=local-1",
                [&](std::string_view data) {
                  reader.feed(data);
                  return !stop.stop_requested();
                },
                stop);
          }
        }) {}

  Steady::time_point ready(const std::string& resource) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return ready_.contains(resource); })) {
      fail_with(resource + " was not ready within a minute");
    }
    return ready_[resource];
  }
  void wait_gone(const std::string& resource) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(60), [&] { return !ready_.contains(resource); })) {
      fail_with(resource + " was not gone within a minute");
    }
  }

 private:
  void take(const SseEvent& event) {
    v1::Resource resource;
    if (!parse(event.data, resource) || resource.spec().type() != "workload") return;
    const auto now = Steady::now();
    std::lock_guard lock(mutex_);
    if (event.name == "deleted") {
      ready_.erase(resource.metadata().name());
    } else if (resource.status().state() == "Ready" && !resource.spec().deleted()) {
      ready_.emplace(resource.metadata().name(), now);
    }
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Steady::time_point> ready_;
  std::jthread thread_;
};

void print_row(const std::string& what, std::vector<double> ms) {
  std::ranges::sort(ms);
  const auto at = [&](double part) {
    return ms[std::min(ms.size() - 1, static_cast<size_t>(part * static_cast<double>(ms.size())))];
  };
  fmt::print("{:<58} {:>5} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f}\n", what, ms.size(), ms.front(), at(0.5),
             at(0.99), ms.back());
}

// With a port it is ready when that answers; a container that is asked nothing, once it has run for 2 s.
std::string application(const std::string& name, const std::string& image, int port) {
  const std::string service =
      port == 0 ? "" : fmt::format(R"(,"service":{{"ports":{{"main":{{"port":{}}}}}}})", port);
  return fmt::format(
      R"({{"apiVersion":"qleet.io/v1","kind":"Application","metadata":{{"name":"{}"}},"spec":{{"workloads":{{"web":{{"score":{{"containers":{{"web":{{"image":"{}"}}}}{}}}}}}}}}}})",
      name, image, service);
}

// The engine's own share: create and start of the same image, through the same socket.
std::vector<double> engine_alone(const std::string& socket, const std::string& image, int rounds) {
  http::Client engine({.tls = {}, .unix_socket = socket});
  std::vector<double> times;
  for (int i = 0; i < rounds; ++i) {
    const std::string name = fmt::format("bench-alone-{}", i);
    const std::string base = "http://localhost/v1.41/containers/";
    const auto begun = Steady::now();
    const auto created = engine.post(
        base + "create?name=" + name,
        fmt::format(
            R"({{"Image":"{}","HostConfig":{{"Ulimits":[{{"Name":"nofile","Soft":1024,"Hard":1024}},{{"Name":"nproc","Soft":1024,"Hard":1024}}]}}}})",
            image),
        {{"Content-Type", "application/json"}});
    if (!created || !created->ok())
      fail_with("the engine does not create a container: " +
                (created ? created->body : created.error().message));
    const auto started = engine.post(base + name + "/start", "");
    if (!started || !started->ok())
      fail_with("the engine does not start a container: " +
                (started ? started->body : started.error().message));
    times.push_back(ms_between(begun, Steady::now()));
    http::Request removal;
    removal.method = "DELETE";
    removal.url = base + name + "?force=true";
    (void)engine.request(removal);
  }
  return times;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6)
    fail_with(
        "usage: bench_chain HUB_URL CA_FILE TOKEN_FILE ROUNDS noop | container ENGINE_SOCKET IMAGE PORT");
  const int rounds = std::max(1, std::atoi(argv[4]));
  const bool container = std::string_view(argv[5]) == "container";
  if (container && argc < 9)
    fail_with("container needs ENGINE_SOCKET, IMAGE and the PORT that it listens on");
  const std::string image = container ? argv[7] : "none";
  const int port = container ? std::atoi(argv[8]) : 0;

  HubClient hub(HubContext{argv[1], read_file(argv[3]), read_file(argv[2]) + "\n"});
  Watch watch(hub);
  std::vector<double> acknowledged;
  std::vector<double> running;
  // The first one also brings up what all share; it is not counted.
  for (int i = -1; i < rounds; ++i) {
    const std::string name = fmt::format("bench-{}", i + 1);
    const std::string resource = fmt::format("local-1.default.{}.workload.web", name);
    const auto begun = Steady::now();
    const auto applied = hub.send("POST", "/v1/apply", application(name, image, port));
    if (!applied) fail_with(applied.error().message);
    const auto answered = Steady::now();
    const auto ready = watch.ready(resource);
    if (i >= 0) {
      acknowledged.push_back(ms_between(begun, answered));
      running.push_back(ms_between(begun, ready));
    }
    if (container) {
      (void)hub.send("DELETE", "/v1/applications/" + name, "");
      watch.wait_gone(resource);
    }
  }
  const std::string mode = container ? "container" : "noop";
  print_row(mode + ": apply -> acknowledged (durable)", acknowledged);
  print_row(mode + ": apply -> running, reported, seen by a watch", running);
  if (container)
    print_row("podman alone: create + start, same image and socket", engine_alone(argv[6], image, rounds));
  std::fflush(stdout);
  std::_Exit(0);  // the watch's stream has no end of its own
}
