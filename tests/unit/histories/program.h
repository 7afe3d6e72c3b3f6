// A random program of what people and CI do to a hub. What it begins with and what it does next follow from
// the dice and from what the store holds.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "qleet/v1/application.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "tests/unit/histories/dice.h"
#include "tests/unit/histories/scene.h"

namespace qleet::hub::tests {

// One operation: it can be done, and be planned.
struct Step {
  std::string text;  // for people
  frontend::Operation plan;
  // What the operation answers, in the form of a plan's answer.
  std::function<Result<v1::PlanResult>(const frontend::Context&)> act;
  std::string erases;          // name of the resource that it deletes by hand
  std::string erases_data_of;  // the application that it deletes with its data
  bool tells_data = false;     // its answer says what becomes of data
};

class Program {
 public:
  Program(Dice& dice, frontend::Caller caller) : dice_(dice), caller_(std::move(caller)) {}

  // Profiles, environments and regions with their agents, which stand in `regions()` afterwards.
  void begin(Scene& scene);
  const std::vector<std::string>& regions() const { return regions_; }
  Step next(const Scene& scene);

 private:
  using Objects = std::vector<std::shared_ptr<google::protobuf::Message>>;

  v1::Profile profile(size_t type, const std::string& variant);
  static v1::Profile closed_profile();
  static v1::Profile route_profile();
  v1::Environment environment(const std::string& name);
  v1::Application application(const std::string& name);
  void set_workload(v1::Workload& workload);
  v1::Profile changed(v1::Profile profile);
  v1::Application changed(v1::Application app);

  Objects new_application(const Scene& scene);
  Objects new_profile(const Scene& scene);
  Objects new_environment(const Scene& scene);
  Objects new_region(const Scene& scene);
  Objects something(const Scene& scene);
  Step apply(Objects objects);
  Step erase(const std::string& kind, const std::string& name, bool with_data = false);
  Step build();
  Step approve(const Scene& scene);
  Step rollback(const Scene& scene);
  Step erase_something(const Scene& scene);
  Step erase_resource(const Scene& scene);

  Dice& dice_;
  const frontend::Caller caller_;
  std::vector<std::string> regions_;
  unsigned counter_ = 0;
};

}  // namespace qleet::hub::tests
