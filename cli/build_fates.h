// What a build comes to in each environment, as text. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "qleet/v1/operations.pb.h"

namespace qleet::cli {

enum class Length { kWhole, kShort };

// "blog  dev  release 3  RollingOut: image ...", a line for each environment.
std::string states_of(const v1::DeliveryAnswers& fates, Length length);

bool any_failed(const v1::DeliveryAnswers& fates);

// A line for each environment where it failed, or goes on, with what to run next. `workload_of`: the workload
// that the build is for; empty: not known.
std::string how_to_go_on(const v1::DeliveryAnswers& fates,
                         const std::function<std::string(const v1::DeliveryAnswer&)>& workload_of);

// What is to be said where nothing can be drawn over: a line where a state, or a reason without its numbers,
// is another one than the last time.
class FateChanges {
 public:
  std::string news(const v1::DeliveryAnswers& fates);

 private:
  std::map<std::string, std::string> known_;  // deployment -> what was said of it
};

}  // namespace qleet::cli
