// A hub that sends whatever it likes to an agent: deltas, pokes, confirmations, answers to its syncs. Nothing
// live goes without a tombstone of the epoch that the agent knows, and it heals once the hub speaks sense
// again.
#include "common/log/log.h"
#include "common/sync/subjects.h"
#include "qleet/wire/v1/wire.pb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/messages.h"
#include "tests/support/link_world.h"

using namespace qleet;
namespace subjects = sync::subjects;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  log::set_level(log::Level::kError);
  testing::LinkWorld world;
  world.enrol("eu");
  world.put_all({"eu.dev.shop.redis.cache", "eu.dev.shop.workload.web"}, "one");
  world.start_agent("eu");
  world.run(Millis(3'000));
  world.stop_hub();
  auto& machine = *world.machines.at("eu");
  // Deleted is only what a tombstone of the epoch known to the agent names.
  machine.on_delete = [](const std::string& name, const testing::SimAgent::Held& before,
                         const std::string& epoch, const wire::v1::DesiredResource& tombstone) {
    fuzz::must(tombstone.deleted() && before.epoch == epoch,
               name + " is deleted without a word of who stated it");
  };

  int spoken = 0;
  {
    const auto bus = world.broker.connect("hub");
    // Answers to the agent's own syncs: the input's next message of that kind, marked as the protocol asks.
    std::vector<std::string> batches;
    const auto asked = bus->subscribe("sync.eu", [&](const Message& message) {
      // An agent that is answered must not ask in circles.
      fuzz::must(++spoken < 2'000, "the agent asks without end");
      for (const auto& batch : batches) (void)bus->publish(message.reply, batch);
    });
    fuzz::for_each_message(fuzz::text_of(data, size), [&](unsigned char what, std::string_view message) {
      switch (what % 5) {
        case 0:
          (void)bus->publish(subjects::of(subjects::kDesired, "eu"), message);
          break;
        case 1:
          (void)bus->publish(subjects::of(subjects::kPoke, "eu"), message);
          break;
        case 2:
          (void)bus->publish(subjects::of(subjects::kAck, "eu"), message);
          break;
        case 3:
          batches.emplace_back(message);
          if (batches.size() > 8) batches.erase(batches.begin());
          break;
        default:
          world.run(Millis(500));
      }
    });
    world.run(Millis(5'000));
  }
  // The hub is itself again.
  const bool same_epoch = world.session("eu").state().epoch == world.epoch();
  world.start_hub();
  if (same_epoch)
    fuzz::must(world.run_until([&] { return world.difference("eu").empty(); }, Millis(900'000)),
               "the agent does not heal: " + world.difference("eu"));
  return 0;
}
