// Agents that take their time: they hear of what they shall hold late, make and remove it later, and what
// they report comes later still, in any order and more than once. What they do in the end is what the
// protocol asks of them: dependencies first, deletes against the arrows, reports until confirmed.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "qleet/wire/v1/wire.pb.h"
#include "tests/unit/histories/dice.h"
#include "tests/unit/histories/scene.h"

namespace qleet::hub::tests {

class LateAgents {
 public:
  explicit LateAgents(Dice& dice) : dice_(dice) {}

  void join(const std::string& region) { agents_[region]; }
  // Away: it goes on with what it knows, hears nothing and is not heard.
  void set_away(const std::string& region, bool away) { agents_[region].away = away; }

  // One random thing: something is heard, done or reported.
  void step(Scene& scene);
  // Whatever is left to do, at once. False: nothing.
  bool finish(Scene& scene);

  // Names that were erased because a `gone` was merged, since the last call.
  std::set<std::string> take_erased() { return std::exchange(erased_, {}); }
  // What agents hold, over all regions.
  std::set<std::string> held() const;

 private:
  struct Told {
    std::string uid;
    std::string hash;
    std::uint32_t generation = 0;
    bool deleted = false;
    std::set<std::string> needs;
  };
  struct Made {
    std::string uid;
    std::uint32_t generation = 0;
    std::set<std::string> needs;
  };
  struct Agent {
    bool away = false;
    Revision position = 0;
    std::map<std::string, Told> told;
    std::map<std::string, Made> made;
    std::deque<wire::v1::ResourceReport> reports;
  };

  static bool hear(Scene& scene, const std::string& region, Agent& agent);
  bool act(Agent& agent, const std::string& name, bool may_fail);
  void report(Agent& agent, const std::string& name, const std::string& state);
  void deliver(Scene& scene, const std::string& region, Agent& agent, const wire::v1::ResourceReport& report);

  Dice& dice_;
  std::map<std::string, Agent> agents_;
  std::uint64_t version_ = 0;
  std::set<std::string> erased_;
};

}  // namespace qleet::hub::tests
