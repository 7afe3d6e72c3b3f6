// Whether the world is as desired: the hub's word for it, what really exists, and what agents keep.
#pragma once

#include <string>
#include <vector>

#include "tests/chaos/api.h"
#include "tests/chaos/program.h"
#include "tests/chaos/wish.h"
#include "tests/support/mini_fleet.h"

namespace qleet::chaos {

class Settled {
 public:
  Settled(const test::MiniFleet& fleet, const Api& api, const Program& program);
  // What is not as desired, or too much; empty: all is well.
  std::vector<std::string> missing() const;

 private:
  void hub(std::vector<std::string>& out) const;
  void worlds(std::vector<std::string>& out) const;
  void real_world(const std::string& agent, Wanted& wanted, std::vector<std::string>& out) const;
  void journals(std::vector<std::string>& out) const;
  Wanted of_region(const std::string& region) const;

  const test::MiniFleet& fleet_;
  const Api& api_;
  const Program& program_;
  Wish wish_;
  Wanted wanted_;
};

}  // namespace qleet::chaos
