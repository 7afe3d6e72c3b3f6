// A watch at the hub, as any client has one: when each object was first seen ready.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "bench/fleet/process.h"
#include "cli/hub_client.h"

namespace qleet::bench {

class Watch {
 public:
  // `path`: a list with watch=true. `ready`: the name of the object where the event's data shows it ready,
  // else empty.
  Watch(std::unique_ptr<cli::HubClient> client, std::string path,
        std::function<std::string(const std::string& data)> ready);
  ~Watch();

  // Waits for it. Throws where it is not ready within `limit`.
  Steady::time_point ready(const std::string& name, std::chrono::seconds limit);
  // What was seen of it no longer counts.
  void forget(const std::string& name);

 private:
  void run(const std::stop_token& stop);

  std::unique_ptr<cli::HubClient> client_;
  const std::string path_;
  const std::function<std::string(const std::string&)> name_if_ready_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Steady::time_point> ready_;
  std::jthread thread_;
};

}  // namespace qleet::bench
