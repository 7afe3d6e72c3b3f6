#include "tests/simulation/network.h"

namespace qleet::sim {

Network::Network(MemoryBroker& broker, Dice& dice, Trace& trace)
    : broker_(broker), dice_(dice), trace_(trace) {
  broker_.set_fate([this](std::string_view from, std::string_view to, const Message& message) {
    return decide(from, to, message);
  });
}

MemoryBroker::Fate Network::decide(std::string_view from, std::string_view to, const Message& message) {
  MemoryBroker::Fate fate;
  if (!cut_.empty() && cut_.contains({std::string(from), std::string(to)})) {
    fate.copies = 0;
  } else if (trouble_.lost_percent > 0 && dice_.percent(trouble_.lost_percent)) {
    fate.copies = 0;
  } else {
    if (trouble_.doubled_percent > 0 && dice_.percent(trouble_.doubled_percent)) fate.copies = 2;
    if (trouble_.delayed_percent > 0 && dice_.percent(trouble_.delayed_percent))
      fate.delay = Millis(static_cast<Millis::rep>(
          dice_.below(static_cast<std::uint64_t>(trouble_.longest_delay.count()) + 1)));
  }
  trace_.note(fate.copies == 0 ? "lost" : "sent", message.subject, message.data.size(),
              static_cast<std::uint64_t>(fate.delay.count()));
  return fate;
}

}  // namespace qleet::sim
