// Listens to the engine and tells whose resource has changed. Where the stream breaks it is opened again, and
// since anything may have happened meanwhile, every resource is looked at.
#pragma once

#include <thread>

#include "common/engine/client.h"
#include "common/engine/endings.h"
#include "common/engine/notifier.h"

namespace qleet::containers {

// Whether an event may matter to what we made; checks in containers make events all the time.
bool matters(const Event& event);

class Watcher {
 public:
  // All must outlive it.
  Watcher(Client& client, Notifier& notifier, Endings& endings);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

 private:
  void run(const std::stop_token& stop);
  void tell(const Event& event);

  Client& client_;
  Notifier& notifier_;
  Endings& endings_;
  std::jthread thread_;
};

}  // namespace qleet::containers
