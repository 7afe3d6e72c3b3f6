#include "hub/api/application_status.h"

#include <gtest/gtest.h>

namespace qleet::hub::api {
namespace {

v1::Deployment in(const std::string& state, const std::string& reason = "", unsigned observed = 3) {
  v1::Deployment deployment;
  deployment.mutable_metadata()->set_generation(3);
  auto& status = *deployment.mutable_status();
  status.set_state(state);
  status.set_observed_generation(observed);
  status.set_ready(1);
  status.set_replicas(2);
  status.set_restarts(5);
  auto& condition = *status.add_conditions();
  condition.set_type("Ready");
  condition.set_reason(reason);
  return deployment;
}

v1::Deployment leaving(v1::Deployment deployment) {
  deployment.mutable_spec()->set_deleted(true);
  return deployment;
}

struct Row {
  const char* name;
  std::vector<v1::Deployment> deployments;
  const char* state;
  unsigned ready;
};

class ApplicationStates : public testing::TestWithParam<Row> {};

TEST_P(ApplicationStates, AreTheWorstOfTheirDeployments) {
  v1::Application application;
  application.mutable_status()->set_state("stored by mistake");
  application.mutable_status()->set_ready(99);
  tell_status(GetParam().deployments, application);
  EXPECT_EQ(application.status().state(), GetParam().state);
  EXPECT_EQ(application.status().ready(), GetParam().ready);
  EXPECT_EQ(application.status().replicas(), 2 * GetParam().ready);
  EXPECT_EQ(application.status().restarts(), 5 * GetParam().ready);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ApplicationStates,
    testing::Values(Row{"None", {}, "Pending", 0}, Row{"Ready", {in("Ready"), in("Ready")}, "Ready", 2},
                    Row{"Failed", {in("Ready"), in("Failed"), in("Stalled")}, "Failed", 3},
                    Row{"Stalled", {in("RollingOut"), in("Stalled")}, "Stalled", 2},
                    Row{"ReturnedIsNotReady", {in("Ready"), in("Returned")}, "Returned", 2},
                    Row{"Lost", {in("Ready"), in("RollingOut", "Stale")}, "Stale", 2},
                    Row{"Waits", {in("Ready"), in("AwaitingApproval")}, "AwaitingApproval", 2},
                    Row{"OfAnOlderGeneration", {in("Ready", "", 2)}, "RollingOut", 1},
                    Row{"OfAnOlderHub", {in("Ready", "", 0)}, "Ready", 1},
                    Row{"NotLookedAtYet", {in("")}, "RollingOut", 1},
                    Row{"LeavesAnEnvironment", {in("Ready"), leaving(in("Stalled"))}, "Ready", 1}),
    [](const auto& info) { return info.param.name; });

TEST(ApplicationState, OfOneThatIsBeingDeleted) {
  v1::Application application;
  application.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  tell_status({leaving(in("Deleting"))}, application);
  EXPECT_EQ(application.status().state(), "Deleting");
}

}  // namespace
}  // namespace qleet::hub::api
