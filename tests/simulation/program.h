// What people, CI and misfortune do in a history, at random.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/simulation/universe.h"
#include "tests/simulation/world.h"

namespace qleet::sim {

class Program {
 public:
  explicit Program(World& world);

  // A hub with environments, profiles, regions and their agents; trouble begins with it.
  void begin();
  // One thing that somebody does, or one that goes wrong.
  void act();
  // No more trouble, and everything is up.
  void make_peace();
  void delete_everything();
  // What is kept until somebody deletes it.
  void delete_retained();

  // What agents keep although a restored store wants it deleted is asked for again, as docs/protocol.md says.
  void repeat_deletes();

  // Data that an agent misses is put back.
  void put_back_data();

  unsigned operations() const { return operations_; }  // that were done
  unsigned faults() const { return faults_; }

 private:
  void operate();
  void forget_a_tombstone();
  void let_all_data_go();
  void change_a_digest();
  void leave_a_good_release();
  void apply(const std::string& documents);
  void erase(const std::string& name, bool with_data);
  void build();
  std::map<std::string, std::uint32_t> rolled_back() const;  // deployment -> its release
  void approve();
  void roll_back();
  void plan();
  void settle_answer(World::Answer answer, const Checker::Writes& writes);

  void misfortune();
  void crash_somebody();
  void cut_somebody_off();
  void harm_a_state();
  void settle_copies();
  void fill_a_disk();
  Millis some_time(std::uint64_t most) { return Millis(static_cast<Millis::rep>(dice_.below(most))); }

  World& world_;
  Dice& dice_;
  Universe universe_;
  Trouble trouble_;
  std::vector<Backup> backups_;  // any of them may be restored, also again
  bool restores_ = false;
  bool loses_journals_ = false;
  bool copies_agents_ = false;
  unsigned builds_ = 0;
  unsigned operations_ = 0;
  unsigned faults_ = 0;
};

}  // namespace qleet::sim
