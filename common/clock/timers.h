// When to come back to what: one time per name.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/clock/clock.h"

namespace qleet {

class Timers {
 public:
  // Replaces the time set before.
  void set(const std::string& name, MonoTime at) {
    clear(name);
    at_[name] = at;
    order_.emplace(at, name);
  }
  // Unless an earlier time is set.
  void set_earlier(const std::string& name, MonoTime at) {
    const auto known = at_.find(name);
    if (known == at_.end() || at < known->second) set(name, at);
  }
  void clear(const std::string& name) {
    const auto known = at_.find(name);
    if (known == at_.end()) return;
    order_.erase({known->second, name});
    at_.erase(known);
  }
  std::vector<std::string> take_due(MonoTime now) {
    std::vector<std::string> due;
    while (!order_.empty() && order_.begin()->first <= now) {
      due.push_back(order_.begin()->second);
      at_.erase(order_.begin()->second);
      order_.erase(order_.begin());
    }
    return due;
  }
  MonoTime next() const { return order_.empty() ? MonoTime::max() : order_.begin()->first; }

 private:
  std::map<std::string, MonoTime> at_;
  std::set<std::pair<MonoTime, std::string>> order_;
};

}  // namespace qleet
