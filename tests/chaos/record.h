// What was seen of one storm: the material that checks.h judges, and nothing that needs a running system.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/chaos/program.h"
#include "tests/support/json.h"

namespace qleet::chaos {

// Milliseconds are those since the storm began, on the test's own clock.

// How a step ended.
struct Answer {
  std::size_t step = 0;  // in Program::steps
  long sent = 0;
  long answered = 0;
  int tries = 0;
  int status = 0;         // 0: there was none before the deadline
  long revision = 0;      // that the answer names; 0: none
  long bound = 0;         // a revision of the hub after it
  std::string body;       // of a refusal
  std::string not_shown;  // an acknowledged write that a read afterwards did not show: what it showed
};

// One event of a watch.
struct Seen {
  std::string event;  // "added", "modified", "deleted"
  std::string name;
  std::string uid;
  long revision = 0;  // of the object
  long generation = 0;
  bool tombstone = false;  // of a resource
  bool deleting = false;   // an application that was asked to go
  long mark = 0;           // of an object that a step wrote
  bool operator==(const Seen&) const = default;
};
Seen seen(const std::string& event, const test::Json& object);

// One line of a noop world's history.
struct Deed {
  bool gone = false;  // removed, or its removal was begun; else made or changed
  std::string name;
  long generation = 0;
  std::string hash;
  std::string shown;  // its content
};

// A container that was started.
struct Start {
  std::string id;
  std::string resource;
  std::string revision;  // what it is made of
  std::string replica;
};

// What the hub said of the regions' agents, and when it was asked.
struct Sample {
  struct Region {
    std::string agent;  // its state
    int resources = 0;
    int fresh = 0;  // shown as anything but stale
  };
  long asked = 0;
  long answered = 0;
  std::map<std::string, Region> regions;
};

// A stretch of time: the hub did not run, or could not hear an agent.
struct Silence {
  std::string of;  // "hub", or an agent
  long from = 0;
  long to = 0;
};

struct Record {
  Program program;
  long begun_at_revision = 0;
  std::vector<Answer> answers;
  std::map<std::string, std::vector<Seen>>
      watched;  // by plural kind, from begun_at_revision, across all breaks
  std::map<std::string, std::vector<Seen>> watched_again;  // one watch of the same, at the end
  std::map<std::string, std::vector<Deed>> deeds;          // by agent
  std::vector<Start> starts;
  std::vector<Sample> samples;
  std::vector<Silence> silences;
  std::vector<std::string> unsettled;  // at the deadline; empty: all is as desired
};

// For people: everything but the program.
std::string text(const Record& record);

}  // namespace qleet::chaos
