// Servers of one backend come and go in fixed places ("slots"), by commands to a running haproxy: what is
// there, what is wanted, and the commands between. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "providers/route/config.h"

namespace qleet::route {

struct Slot {
  std::string name;  // s0, s1, ...
  Target target;
  enum class Admin { kReady, kDrain, kMaint } admin = Admin::kMaint;
  unsigned sessions = 0;  // requests on their way
};

// Out of "show servers state <backend>".
std::vector<Slot> parse_servers(std::string_view answer);
// Fills in the sessions out of "show stat" (CSV).
void read_sessions(std::string_view csv, std::string_view backend, std::vector<Slot>& slots);

struct SlotPlan {
  std::vector<std::string> commands;
  std::vector<Target> targets;  // by slot, as they will be: what a restarted haproxy shall begin with
  bool busy = false;            // requests are still on their way to what is no longer wanted
  bool full = false;            // there are more targets than slots
};

SlotPlan plan_slots(std::string_view backend, const std::vector<Slot>& slots,
                    const std::vector<Target>& wanted);

}  // namespace qleet::route
