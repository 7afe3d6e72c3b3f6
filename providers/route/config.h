// haproxy's configuration out of what is routed: pure, so that it is tested as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "providers/route/settings.h"

namespace qleet::route {

struct Target {
  std::string ip;
  std::uint16_t port = 0;
  auto operator<=>(const Target&) const = default;
};

// One route as a router keeps it.
struct Entry {
  std::string owner;     // the agent
  std::string resource;  // its name
  std::string hash;      // what it was made for
  std::string backend;   // name in haproxy
  std::string host;
  std::string path;
  std::string workload;
  std::uint16_t port = 80;
  unsigned slots = 0;           // places for servers, so that they come and go without a reload
  std::vector<Target> targets;  // by slot; port 0: free
  bool serves = true;           // false: it waits for its host and path, or has given them up
  bool departing = false;       // its resource no longer asks for this
  std::uint64_t order = 0;      // who asked first

  std::string key() const { return owner + "/" + resource; }
  // It has its place in haproxy's configuration; else requests of before a reload are all that is left of it.
  bool rendered() const { return serves || !departing; }
};

struct Listen {
  std::string address;
  std::uint16_t port = 0;
  Settings settings = {};
};

inline constexpr unsigned kLeastSlots = 8;

// More specific ones first: a named host before a wildcard before any, a longer path before a shorter one.
// What an application asks for with a host of its own is never led to another application that asked for a
// wildcard or for any host.
void sort_by_precedence(std::vector<Entry>& entries);

// Hosts that somebody asked for, where another application asked for less specific ones that hold them: what
// no route of theirs answers is answered by nobody.
struct ClosedHosts {
  std::vector<std::string> to_wildcards;  // names
  std::vector<std::string> to_any;        // names and wildcards
  bool operator==(const ClosedHosts&) const = default;
};
ClosedHosts closed_hosts(const std::vector<Entry>& entries);

// `description` comes back in "show info": how a reload is known to be over.
std::string render(const Listen& listen, std::vector<Entry> entries, std::string_view description);

}  // namespace qleet::route
