// The way to a hub: login, and the versions of both sides.
#include <fstream>
#include <iterator>

#include "cli/commands.h"
#include "cli/hidden_input.h"
#include "common/http/client.h"
#include "common/http/problem.h"
#include "common/model/model.h"
#include "qleet/v1/system.pb.h"

namespace qleet::cli {
namespace {

constexpr Millis kVersionLimit{3'000};

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text;
}

Result<std::string> file_contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(Code::kInvalid, path + ": cannot be read");
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Typed without being shown, on a terminal; else the first line of standard input.
Result<std::string> asked_for_token(const std::string& hub) {
  auto token = trimmed(read_hidden("Token for " + hub + ": "));
  if (token.empty())
    return fail(Code::kInvalid,
                "no token was given: type it, pipe it in, or name its file with --token-file");
  return token;
}

// The name of the machine in "https://hub.example:7443".
std::string host_of(std::string url) {
  if (const auto scheme = url.find("://"); scheme != std::string::npos) url.erase(0, scheme + 3);
  url.resize(std::min(url.find('/'), url.size()));
  if (url.starts_with('[')) return url.substr(1, url.find(']') - 1);
  return url.substr(0, url.rfind(':'));
}

struct Entry {
  v1::WhoAmI who;
  std::string ca_pem;  // that the hub was believed by
};

// Who the token is, said by a hub that is the right one.
Result<Entry> ask(const std::string& url, const std::string& token, const http::Tls& tls) {
  http::Client client({.tls = tls});
  auto answer = client.get(url + "/v1/whoami", {{"Authorization", "Bearer " + token}});
  if (!answer) {
    auto error = wrap(std::move(answer).error(), "hub");
    if (error.code == Code::kDenied && tls.ca_pem.empty() && tls.pinned_ca_sha256.empty())
      error.message +=
          "; name its CA with --ca FILE, or --ca-fingerprint SHA256 (as in the line of qleet agent "
          "join-token)";
    return std::unexpected(std::move(error));
  }
  if (!answer->ok()) return std::unexpected(http::error_of(*answer));
  Entry entry;
  TRY(parse(answer->body, entry.who));
  entry.ca_pem = answer->ca_pem.empty() ? tls.ca_pem : answer->ca_pem;
  return entry;
}

}  // namespace

Exit run(Contexts& contexts, const LoginCommand& command) {
  std::string url = command.url;
  while (url.ends_with('/')) url.pop_back();
  if (!url.contains("://")) url = "https://" + url;
  if (!url.starts_with("https://"))
    return report({Code::kInvalid, "\"" + command.url + "\": write https://HOST:7443", {}});
  http::Tls tls{.ca_pem = {}, .pinned_ca_sha256 = command.ca_fingerprint};
  if (!command.ca_file.empty()) {
    auto ca = file_contents(command.ca_file);
    if (!ca) return report(ca.error());
    tls.ca_pem = *std::move(ca);
  }
  auto token = command.token_file.empty() || command.token_file == "-" ? asked_for_token(url)
                                                                       : file_contents(command.token_file);
  if (!token) return report(token.error());
  *token = trimmed(*std::move(token));
  const auto entry = ask(url, *token, tls);
  if (!entry) return report(entry.error());
  const std::string name = command.name.empty() ? host_of(url) : command.name;
  contexts.contexts[name] = {.url = url, .token = *token, .ca_pem = entry->ca_pem};
  contexts.current = name;
  if (const auto saved = contexts.save(); !saved) return report(saved.error());
  std::string roles;
  for (const auto& role : entry->who.roles()) roles += (roles.empty() ? "" : ", ") + role;
  print("logged in to " + url + " as " + one_line(entry->who.subject()) + " (" +
        (roles.empty() ? "no role" : one_line(roles)) + "); context \"" + name + "\" is the current one\n");
  return Exit::kOk;
}

Exit run(const VersionCommand& command) {
  std::string hub_json;
  std::string away;
  if (!command.client) {
    const auto contexts = Contexts::load(Contexts::default_path());
    const auto context =
        contexts ? resolve_context(*contexts, command.context) : std::unexpected(contexts.error());
    if (!context) {
      away = context.error().message;
    } else {
      HubClient hub(*context, kVersionLimit);
      auto answer = hub.get("/v1/version");
      if (answer)
        hub_json = *std::move(answer);
      else
        away = answer.error().message;
    }
  }
  JsonValue both;
  auto& fields = *both.mutable_struct_value()->mutable_fields();
  (*fields["client"].mutable_struct_value()->mutable_fields())["version"].set_string_value(QLEET_VERSION);
  if (!hub_json.empty()) fields["hub"] = value_of(hub_json);
  switch (command.output.format) {
    case Format::kJson:
      print(model::to_json(both.struct_value(), true) + "\n");
      break;
    case Format::kYaml:
      print(model::to_yaml(both.struct_value()));
      break;
    case Format::kJsonPath:
      if (const auto path = JsonPath::parse(command.output.expression)) print(path->print(both) + "\n");
      break;
    case Format::kColumns:
      if (const auto columns = parse_columns(command.output.expression))
        print(table(headers_of(*columns), {cells_of(*columns, both)}));
      break;
    default: {
      print("qleet " QLEET_VERSION "\n");
      if (hub_json.empty()) break;
      const auto& hub = fields["hub"].struct_value().fields();
      const auto text = [&](const char* name) {
        const auto it = hub.find(name);
        return it == hub.end() ? std::string("unknown") : it->second.string_value();
      };
      print("hub   " + text("version") + "  epoch " + text("epoch") + "\n");
    }
  }
  if (!away.empty()) print_error("hub   not reached: " + away + "\n");
  return Exit::kOk;
}

}  // namespace qleet::cli
