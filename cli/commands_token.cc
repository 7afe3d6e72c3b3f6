// Tokens of service accounts: create, list, revoke.
#include "cli/columns.h"
#include "cli/commands.h"
#include "common/clock/duration.h"
#include "common/model/model.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

std::string tokens_of(const std::string& account) {
  return "/v1/serviceaccounts/" + http::encode(account) + "/tokens";
}

std::string applications_of(const v1::ServiceAccount& account) {
  std::string text;
  for (const auto& name : account.spec().applications()) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "all" : text;
}

std::string expiry(const v1::IssuedToken& token, WallTime now) {
  if (!token.has_expires()) return "never";
  const auto left = WallTime(std::chrono::seconds(token.expires().seconds())) - now;
  return left <= Millis(0) ? "expired" : "in " + human_duration(std::chrono::duration_cast<Millis>(left));
}

}  // namespace

Exit run(Session& session, const TokenCommand& command) {
  v1::TokenRequest request;
  request.set_role(command.role);
  request.set_valid_for(command.valid_for);
  for (const auto& application : command.applications) request.add_applications(application);
  v1::TokenResult result;
  const auto sent =
      session.hub.send_into("POST", tokens_of(command.service_account), model::to_json(request), result);
  if (!sent) return report(sent.error());
  for (const auto& warning : result.warnings()) print_error("warning: " + one_line(warning) + "\n");
  if (session.format == Format::kName) {
    print("serviceaccount/" + result.service_account() + "/" + result.id() + "\n");
  } else if (!print_for_programs(session, result)) {
    print(result.token() + "\n");
  }
  return Exit::kOk;
}

Exit run(Session& session, const TokenListCommand& command) {
  if (session.for_programs()) {
    GetCommand get;
    get.targets = {"serviceaccounts"};
    if (!command.service_account.empty()) get.targets.push_back(command.service_account);
    return run(session, get);
  }
  std::vector<std::string> accounts;
  if (command.service_account.empty()) {
    auto listed = session.hub.list("/v1/serviceaccounts");
    if (!listed) return report(listed.error());
    accounts = std::move(*listed);
  } else {
    auto one = session.hub.get("/v1/serviceaccounts/" + http::encode(command.service_account));
    if (!one) return report(one.error());
    accounts = {std::move(*one)};
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& json : accounts) {
    v1::ServiceAccount account;
    if (const auto parsed = parse(json, account); !parsed) return report(parsed.error());
    const auto& name = account.metadata().name();
    for (const auto& token : account.status().tokens()) {
      if (session.format == Format::kName) {
        print("serviceaccount/" + name + "/" + token.id() + "\n");
        continue;
      }
      const auto now = session.clock.wall();
      rows.push_back({name, account.spec().role(), applications_of(account), token.id(),
                      age(token.created(), now), expiry(token, now)});
    }
  }
  if (session.format != Format::kName)
    print(table({"SERVICEACCOUNT", "ROLE", "APPLICATIONS", "TOKEN", "AGE", "EXPIRES"}, rows));
  return Exit::kOk;
}

Exit run(Session& session, const TokenRevokeCommand& command) {
  const auto sent =
      session.hub.send("DELETE", tokens_of(command.service_account) + "/" + http::encode(command.token), "");
  if (!sent) return report(sent.error());
  print("serviceaccount/" + command.service_account + "/" + command.token + "  revoked\n");
  return Exit::kOk;
}

}  // namespace qleet::cli
