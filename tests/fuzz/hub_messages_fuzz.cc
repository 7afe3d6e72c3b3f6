// An enrolled agent that sends whatever it likes to the hub: nothing of another region changes, what is
// stored can be shown, and both agents agree with the hub afterwards.
#include "common/log/log.h"
#include "common/model/model.h"
#include "common/sync/subjects.h"
#include "hub/fleet/report_check.h"
#include "hub/fleet/status_merge.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/messages.h"
#include "tests/support/link_world.h"

using namespace qleet;
namespace subjects = sync::subjects;

namespace {

std::string all_of(const testing::LinkWorld& world, const std::string& region) {
  std::string out;
  for (const auto& resource : world.resources(region)) out += model::to_json(resource) + "\n";
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  log::set_level(log::Level::kError);
  testing::LinkWorld world;
  for (const char* name : {"eu", "us"}) world.enrol(name);
  world.put_all({"eu.dev.shop.redis.cache", "eu.dev.shop.workload.web", "us.dev.shop.redis.cache"}, "one");
  world.start_agent("us");
  world.run(Millis(3'000));
  const std::string others = all_of(world, "us");
  fuzz::must(world.difference("us").empty(), "the other agent is in sync");

  {
    const auto bus = world.broker.connect("attacker");
    fuzz::for_each_message(fuzz::text_of(data, size), [&](unsigned char what, std::string_view message) {
      switch (what % 4) {
        case 0:
          (void)bus->publish(subjects::of(subjects::kStatus, "eu"), message);
          break;
        case 1:
          (void)bus->publish(subjects::of(subjects::kHeartbeat, "eu"), message);
          break;
        case 2: {
          const auto asked =
              bus->request(subjects::of(subjects::kSync, "eu"), message, [](const Message&) {});
          world.run(Millis(5));
          break;
        }
        default:
          (void)bus->publish("logs.eu.1", message);
      }
    });
    world.run(Millis(50));
  }
  fuzz::must(all_of(world, "us") == others,
             "another region changed:\n" + others + "\n" + all_of(world, "us"));
  for (const auto& resource : world.resources("eu"))
    fuzz::must(!model::to_json(resource).empty(), "what is stored can be shown");
  fuzz::must(!model::to_json(world.agent_object("eu")).empty(), "the agent can be shown");
  fuzz::must(world.wrongs().empty(), world.wrongs().empty() ? "" : world.wrongs().front());
  return 0;
}
