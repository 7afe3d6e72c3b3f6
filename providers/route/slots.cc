#include "providers/route/slots.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

namespace qleet::route {

namespace {

// Bits of srv_admin_state (haproxy's management guide). 0x04 stays for good on a server that was disabled in
// the configuration, and tells nothing.
constexpr unsigned kMaintBits = 0x01 | 0x02 | 0x20 | 0x40;
constexpr unsigned kDrainBits = 0x08 | 0x10;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

unsigned number(std::string_view text) {
  unsigned out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

// Column numbers by name.
std::map<std::string_view, std::size_t> columns(std::string_view header, char separator) {
  std::map<std::string_view, std::size_t> out;
  if (header.starts_with("# ")) header.remove_prefix(2);
  const auto names = split(header, separator);
  for (std::size_t i = 0; i < names.size(); ++i) out.emplace(names[i], i);
  return out;
}

// Empty where the row has no such column.
std::string_view field(const std::map<std::string_view, std::size_t>& column,
                       const std::vector<std::string_view>& row, std::string_view name) {
  const auto it = column.find(name);
  return it == column.end() || it->second >= row.size() ? std::string_view() : row[it->second];
}

}  // namespace

std::vector<Slot> parse_servers(std::string_view answer) {
  std::vector<Slot> out;
  std::map<std::string_view, std::size_t> column;
  for (const auto line : split(answer, '\n')) {
    if (line.starts_with("# ")) {
      column = columns(line, ' ');
      continue;
    }
    const auto row = split(line, ' ');
    if (column.empty() || field(column, row, "srv_name").empty()) continue;
    Slot slot;
    slot.name = field(column, row, "srv_name");
    slot.target = {std::string(field(column, row, "srv_addr")),
                   static_cast<std::uint16_t>(number(field(column, row, "srv_port")))};
    const unsigned admin = number(field(column, row, "srv_admin_state"));
    slot.admin = (admin & kMaintBits) != 0   ? Slot::Admin::kMaint
                 : (admin & kDrainBits) != 0 ? Slot::Admin::kDrain
                                             : Slot::Admin::kReady;
    out.push_back(std::move(slot));
  }
  return out;
}

void read_sessions(std::string_view csv, std::string_view backend, std::vector<Slot>& slots) {
  std::map<std::string_view, std::size_t> column;
  for (const auto line : split(csv, '\n')) {
    if (line.starts_with("# ")) {
      column = columns(line, ',');
      continue;
    }
    const auto row = split(line, ',');
    if (column.empty() || field(column, row, "pxname") != backend) continue;
    const auto slot = std::ranges::find(slots, field(column, row, "svname"), &Slot::name);
    if (slot != slots.end()) slot->sessions = number(field(column, row, "scur"));
  }
}

SlotPlan plan_slots(std::string_view backend, const std::vector<Slot>& slots,
                    const std::vector<Target>& wanted) {
  using Admin = Slot::Admin;
  SlotPlan plan;
  std::vector<Target> missing = wanted;
  std::vector<std::size_t> free;
  std::vector<std::string> leaving;
  plan.targets.resize(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = slots[i];
    const auto found = std::ranges::find(missing, slot.target);
    if (found != missing.end()) {
      if (slot.admin != Admin::kReady) {
        plan.commands.push_back(fmt::format("set server {}/{} state ready", backend, slot.name));
      }
      plan.targets[i] = slot.target;
      missing.erase(found);
    } else if (slot.admin == Admin::kMaint) {
      free.push_back(i);
    } else {
      const bool on_its_way = slot.sessions > 0;
      plan.busy = plan.busy || on_its_way || slot.admin == Admin::kReady;
      if (slot.admin == Admin::kReady) {
        leaving.push_back(fmt::format("set server {}/{} state drain", backend, slot.name));
      } else if (!on_its_way) {
        leaving.push_back(fmt::format("set server {}/{} state maint", backend, slot.name));
      }
    }
  }
  for (const Target& target : missing) {
    if (free.empty()) {
      plan.full = true;
      break;
    }
    const std::size_t slot = free.front();
    free.erase(free.begin());
    plan.targets[slot] = target;
    plan.commands.push_back(
        fmt::format("set server {}/{} addr {} port {}", backend, slots[slot].name, target.ip, target.port));
    plan.commands.push_back(fmt::format("set server {}/{} state ready", backend, slots[slot].name));
  }
  // What comes is there before what goes has gone.
  plan.commands.insert(plan.commands.end(), leaving.begin(), leaving.end());
  return plan;
}

}  // namespace qleet::route
