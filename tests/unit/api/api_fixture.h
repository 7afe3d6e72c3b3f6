// The API over a store in memory, with doubles of what lies behind it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/crypto/token.h"
#include "hub/api/api.h"
#include "hub/store/keys.h"
#include "hub/store/memory_store.h"
#include "hub/store/objects.h"
#include "tests/unit/api/frontend_double.h"

namespace qleet::hub::api {

class StaleFreshness final : public Freshness {
 public:
  void refresh(google::protobuf::Message& object) const override {
    if (auto* resource = dynamic_cast<v1::Resource*>(&object); resource != nullptr && stale)
      resource->mutable_status()->set_state("Stale");
  }
  std::atomic<bool> stale = false;
};

class NotingEnroller final : public Enroller {
 public:
  Result<> examine(const v1::EnrolRequest& request) override {
    if (needs_certificate && request.tls_request().empty())
      return fail(Code::kInvalid, "tlsRequest: is missing");
    return {};
  }
  Result<v1::CertificateResult> certify(const v1::Agent& agent, const std::string& tls_request) override {
    v1::CertificateResult result;
    result.set_certificate("certificate of " + agent.metadata().name() + " for " + tls_request);
    return result;
  }
  Result<v1::EnrolResult> admit(const v1::Agent& agent, const std::string& tls_request) override {
    v1::EnrolResult result;
    result.add_nats_urls("tls://hub:4222");
    result.set_nats_jwt("jwt of " + agent.metadata().name());
    if (!tls_request.empty()) result.set_nats_client_certificate("certificate for " + tls_request);
    return result;
  }
  Result<> expel(const v1::Agent& agent) override {
    expelled.push_back(agent.metadata().name());
    return {};
  }
  std::vector<std::string> expelled;
  bool needs_certificate = false;
};

class NotingLogs final : public LogSource {
 public:
  Result<> open(const LogQuery& asked, std::shared_ptr<LogSink> sink) override {
    query = asked;
    sink->write("r1/web", "hello\n");
    sink->finish();
    return {};
  }
  LogQuery query;
};

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    test::frontend_double() = {};
    for (const auto* role : {"admin", "operator", "developer", "ci", "viewer"}) account(role);
    ApiOptions options;
    options.per_subject = {.per_second = 10, .burst = 1000};
    options.per_address = {.per_second = 1, .burst = 5};
    api = std::make_unique<Api>(
        options, ApiDependencies{.store = store,
                                 .clock = clock,
                                 .freshness = &freshness,
                                 .enroller = &enroller,
                                 .logs = &logs,
                                 .ca_fingerprint = "cafe",
                                 .readiness = {{"store", [this] { return trouble; }}},
                                 .gauges = {{"qleet_hub_store_revision", "The newest revision.",
                                             [this] { return double((*store.snapshot())->revision()); }}},
                                 .certificates = [this] { return certificates; }});
  }

  void put(std::string_view plural, const std::string& name, const google::protobuf::Message& object) {
    ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::object(plural, name), object.SerializeAsString());
      return {};
    }));
  }

  // An account named as its role, with the token "qlt_<role>".
  void account(const std::string& role) {
    v1::ServiceAccount made;
    made.mutable_metadata()->set_name(role);
    made.mutable_spec()->set_role(role);
    const auto hash = crypto::sha256_hex("qlt_" + role);
    made.mutable_status()->add_tokens()->set_sha256(hash);
    put("serviceaccounts", role, made);
    ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
      txn.put(keys::token(hash), role);
      return {};
    }));
  }

  Response send(std::string method, const std::string& target, std::string body = {},
                const std::string& role = "admin", std::map<std::string, std::string> headers = {}) {
    Request request;
    request.method = std::move(method);
    EXPECT_TRUE(parse_target(target, request));
    request.body = std::move(body);
    request.headers = std::move(headers);
    if (!role.empty()) request.headers["authorization"] = "Bearer qlt_" + role;
    request.peer = peer;
    request.id = "r1";
    return api->handle(request);
  }

  static std::string header(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return {};
  }

  static std::string detail(const Response& response) {
    const size_t at = response.body.find("\"detail\":\"");
    if (at == std::string::npos) return response.body;
    const size_t end = response.body.find("\",\"code\"", at);
    return response.body.substr(at + 10, end - at - 10);
  }

  const std::vector<std::string>& calls() { return test::frontend_double().calls; }

  MemoryStore store;
  ManualClock clock;
  StaleFreshness freshness;
  NotingEnroller enroller;
  NotingLogs logs;
  std::optional<std::string> trouble;
  std::vector<CertificateLeft> certificates;
  std::string peer = "127.0.0.1";
  std::unique_ptr<Api> api;
};

inline constexpr std::string_view kRegion =
    R"({"apiVersion":"qleet.io/v1","kind":"Region","metadata":{"name":"eu"},"spec":{"capacity":{"cpu":"4"}}})";

inline std::string region(const std::string& name, const std::string& tier = "x") {
  return fmt::format(
      R"({{"apiVersion":"qleet.io/v1","kind":"Region","metadata":{{"name":"{}","labels":{{"tier":"{}"}}}}}})",
      name, tier);
}

}  // namespace qleet::hub::api
