// Commands of the operator: agents, contexts.
#include <fstream>
#include <iterator>

#include "cli/commands.h"
#include "common/model/model.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

Result<std::string> file_contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::kInvalid, path + ": cannot be read");
  std::string text(std::istreambuf_iterator<char>(in), {});
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

Exit run(Session& session, const JoinTokenCommand& command) {
  v1::JoinTokenRequest request;
  request.set_region(command.region);
  request.set_valid_for(command.valid_for);
  for (const auto& label : command.labels) {
    const auto equals = label.find('=');
    if (equals == std::string::npos || equals == 0)
      return report({Code::kInvalid, "--label " + label + ": write it as key=value", {}});
    (*request.mutable_labels())[label.substr(0, equals)] = label.substr(equals + 1);
  }
  v1::JoinTokenResult result;
  const auto sent = session.hub.send_into("POST", "/v1/agents/join-tokens", model::to_json(request), result);
  if (!sent) return report(sent.error());
  if (print_for_programs(session, result)) return Exit::kOk;
  print("./install agent --hub " + session.hub.url() + " --token " + result.token() + " --ca-fingerprint " +
        result.ca_fingerprint() + " --name " + result.region() + "\n");
  print_error(
      "run this on the other machine, as root, in the folder with QleetOS's packages; where qleet-agent is "
      "installed already: qleet-agent enrol with the same options, then systemctl restart qleet-agent\n");
  return Exit::kOk;
}

Exit run(Session& session, const AgentListCommand&) {
  return run(session, GetCommand{.targets = {"agents"}});
}

Exit run(Session& session, const AgentRevokeCommand& command) {
  const auto sent = session.hub.send("POST", "/v1/agents/" + http::encode(command.name) + "/revoke", "{}");
  if (!sent) return report(sent.error());
  print("agent/" + command.name + "  revoked: it is cut off now; what it runs goes on running\n");
  return Exit::kOk;
}

Exit run(Contexts& contexts, const Terminal& terminal, const ContextCommand& command) {
  if (command.action == "list") {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, context] : contexts.contexts)
      rows.push_back(
          {name == contexts.current ? terminal.paint("*", Colour::kGreen) : " ", name, context.url});
    print(table({" ", "NAME", "HUB"}, rows));
    return Exit::kOk;
  }
  if (command.action == "set") {
    auto& context = contexts.contexts[command.name];
    if (!command.hub.empty()) context.url = command.hub;
    if (!command.token_file.empty()) {
      auto token = file_contents(command.token_file);
      if (!token) return report(token.error());
      context.token = *token;
    }
    if (!command.ca_file.empty()) {
      auto ca = file_contents(command.ca_file);
      if (!ca) return report(ca.error());
      context.ca_pem = *ca + "\n";
    }
    if (context.url.empty())
      return report(
          {Code::kInvalid, "context " + command.name + " has no hub yet: give --hub https://HOST:7443", {}});
    contexts.current = command.name;
  } else if (!contexts.contexts.contains(command.name)) {
    return report({Code::kNotFound, "no context \"" + command.name + "\"; see qleet context list", {}});
  } else if (command.action == "use") {
    contexts.current = command.name;
  } else {
    contexts.contexts.erase(command.name);
    if (contexts.current == command.name) contexts.current.clear();
  }
  const auto saved = contexts.save();
  return saved ? Exit::kOk : report(saved.error());
}

}  // namespace qleet::cli
