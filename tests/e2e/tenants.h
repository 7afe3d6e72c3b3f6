// Two developers in one environment. Ann's application "pay-ments" has a database, a cache of its own, a
// cache that it shares by id, a volume and a host; Bob's "pay" asks for what the tests give it. Both talk to
// the hub with a token of their own, of role developer.
//
// Whatever Bob tries, Ann's data, passwords, containers, routes and objects are as they were: looked at where
// they are, with what her workload was handed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/container_fleet.h"

namespace qleet::test {

// An application of one workload that answers with `page`, and with what it was handed.
struct Tenant {
  std::string name;
  std::string page;
  std::vector<std::string> resources;            // "db: {type: postgres}"
  std::map<std::string, std::string> variables;  // of its container
  std::vector<std::string> container;            // further lines of its container
  std::string metadata = "{}";                   // of its Score document
  std::string workload = "web";
  std::string renamed_from;
  std::string yaml() const;
};

class Tenants : public ContainerFleet {
 protected:
  static void SetUpTestSuite();
  // Ann's application is up and has written something everywhere.
  void SetUp() override;
  void TearDown() override;

  static Tenant anns();
  static Tenant bobs(std::vector<std::string> resources = {});
  static Ran ann(std::vector<std::string> arguments, const std::string& input = {});
  static Ran bob(std::vector<std::string> arguments, const std::string& input = {});
  // Applied by Bob, and ready.
  static void bob_has(const Tenant& tenant);
  // Gone, with its data, but for what Ann needs too.
  static void bob_leaves();
  // Neither planned nor applied: each is refused with this text.
  static void refused(const Tenant& tenant, const std::string& text);
  // A variable of the workload behind a host.
  static std::string handed_to(const std::string& host, const std::string& variable);

  // What Ann has, as it is now.
  static std::map<std::string, std::string> anns_state();
  // As it was at `before`; what is new beside it does not count.
  static ::testing::AssertionResult untouched(const std::map<std::string, std::string>& before);
  ::testing::AssertionResult untouched() const { return untouched(before_); }
  static ::testing::AssertionResult settled();

  // With a password, as a login over the network.
  static Ran sql(const std::string& host, const std::string& role, const std::string& password,
                 const std::string& statement);
  static std::string redis(const std::string& host, const std::string& password,
                           const std::vector<std::string>& command);

  std::map<std::string, std::string> before_;
  std::unique_ptr<SteadyClient> client_;  // of Ann's page, all the time
};

}  // namespace qleet::test
