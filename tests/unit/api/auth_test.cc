#include "hub/api/auth.h"

#include <gtest/gtest.h>

#include "common/crypto/token.h"
#include "hub/store/keys.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"

namespace qleet::hub::api {
namespace {

class AuthTest : public ::testing::Test {
 protected:
  void put(std::string_view plural, const google::protobuf::Message& object, const std::string& name) {
    ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::object(plural, name), object.SerializeAsString());
      return {};
    }));
  }

  void account(const std::string& name, const std::string& role, const std::string& token,
               std::optional<WallTime> expires = {}, bool listed = true) {
    v1::ServiceAccount made;
    made.mutable_metadata()->set_name(name);
    made.mutable_spec()->set_role(role);
    if (listed) {
      auto* issued = made.mutable_status()->add_tokens();
      issued->set_id("t1");
      issued->set_sha256(crypto::sha256_hex(token));
      if (expires) *issued->mutable_expires() = objects::timestamp(*expires);
    }
    put("serviceaccounts", made, name);
    ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::token(crypto::sha256_hex(token)), name);
      return {};
    }));
  }

  Result<Subject> ask(std::string_view authorization) {
    return authenticate(**store.snapshot(), clock, authorization);
  }

  MemoryStore store;
  ManualClock clock;
};

TEST_F(AuthTest, ATokenIsItsAccountsRole) {
  account("robot", "ci", "qlt_secret");
  const auto subject = ask("Bearer qlt_secret");
  ASSERT_TRUE(subject.has_value()) << subject.error().message;
  EXPECT_EQ(subject->name, "serviceaccount:robot");
  EXPECT_TRUE(subject->may("notify", "builds"));
  EXPECT_EQ(subject->require("list", "applications").error().message,
            "serviceaccount:robot (role ci) may not list applications");
  EXPECT_TRUE(ask("bearer  qlt_secret").has_value()) << "the scheme's case and spaces do not matter";
}

TEST_F(AuthTest, WrongCredentialsSayWhyAndNeverWhat) {
  account("robot", "ci", "qlt_secret");
  account("old", "ci", "qlt_old", clock.wall() - Millis(1000));
  account("revoked", "ci", "qlt_revoked", {}, false);
  const std::string how = "send the header \"Authorization: Bearer <token>\"";
  for (const auto& [sent, said] : std::vector<std::pair<std::string, std::string>>{
           {"", "no credentials: " + how},
           {"Basic abc", "the credentials are no bearer token: " + how},
           {"Bearer", "the credentials are no bearer token: " + how},
           {"Bearer   ", "the credentials are no bearer token: " + how},
           {"Bearer " + std::string(600, 'x'), "the credentials are no bearer token: " + how},
           {"Bearer qlt_wrong", "the token is unknown, or was revoked"},
           {"Bearer qlt_revoked", "the token is unknown, or was revoked"},
           {"Bearer qlt_old", "the token t1 of old has expired: ask for a new one"}}) {
    const auto refused = ask(sent);
    ASSERT_FALSE(refused.has_value()) << sent;
    EXPECT_EQ(refused.error().code, Code::kUnauthenticated);
    EXPECT_EQ(refused.error().message, said);
  }
}

TEST_F(AuthTest, ATokenWorksUntilItExpires) {
  account("robot", "viewer", "qlt_secret", clock.wall() + Millis(10'000));
  EXPECT_TRUE(ask("Bearer qlt_secret").has_value());
  clock.advance(Millis(10'000));
  EXPECT_FALSE(ask("Bearer qlt_secret").has_value());
}

TEST_F(AuthTest, BindingsAddRolesAndStoredRolesCount) {
  account("dev", "developer", "qlt_secret");
  EXPECT_FALSE(ask("Bearer qlt_secret")->may("approve", "applications"));
  v1::Role role;
  role.mutable_metadata()->set_name("approver");
  role.mutable_spec()->add_rules()->add_kinds("applications");
  role.mutable_spec()->mutable_rules(0)->add_verbs("approve");
  put("roles", role, "approver");
  v1::RoleBinding binding;
  binding.mutable_metadata()->set_name("b");
  binding.mutable_spec()->set_role("approver");
  binding.mutable_spec()->add_subjects("serviceaccount:dev");
  put("rolebindings", binding, "b");
  const auto subject = ask("Bearer qlt_secret");
  EXPECT_TRUE(subject->may("approve", "applications"));
  EXPECT_EQ(subject->require("delete", "regions").error().message,
            "serviceaccount:dev (roles developer, approver) may not delete regions");
}

TEST_F(AuthTest, AStoredRoleCannotWidenABuiltinOne) {
  account("robot", "ci", "qlt_secret");
  v1::Role role;
  role.mutable_metadata()->set_name("ci");
  role.mutable_spec()->add_rules()->add_kinds("*");
  role.mutable_spec()->mutable_rules(0)->add_verbs("*");
  put("roles", role, "ci");
  EXPECT_FALSE(ask("Bearer qlt_secret")->may("list", "applications"));
}

TEST_F(AuthTest, AnUnknownRoleGivesNothing) {
  account("robot", "gone", "qlt_secret");
  EXPECT_EQ(ask("Bearer qlt_secret")->require("get", "regions").error().message,
            "serviceaccount:robot (role gone) may not get regions");
}

}  // namespace
}  // namespace qleet::hub::api
