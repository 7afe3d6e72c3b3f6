// qleet secret: keys of Secrets. Values come from standard input and files, and are never shown.
#include <google/protobuf/stubs/common.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>

#include "cli/commands.h"
#include "cli/hidden_input.h"
#include "common/model/model.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

std::string joined(const std::vector<std::string>& words, std::string_view none) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? std::string(none) : text;
}

std::string path_of(const std::string& name, const std::vector<std::string>& parameters = {}) {
  std::string path = "/v1/secrets/" + http::encode(name);
  for (size_t i = 0; i < parameters.size(); ++i) path += (i == 0 ? "?" : "&") + parameters[i];
  return path;
}

// --- values ------------------------------------------------------------------------------------------

// `echo` ends what it says with a newline that nobody means.
std::string piped() {
  std::string all{std::istreambuf_iterator<char>(std::cin), {}};
  if (all.ends_with('\n')) all.pop_back();
  if (all.ends_with('\r')) all.pop_back();
  return all;
}

Result<std::string> bytes_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string all{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) return fail(Code::kInvalid, file + ": cannot be read");
  return all;
}

bool is_text(const std::string& value) {
  return google::protobuf::internal::IsStructurallyValidUTF8(value.data(), static_cast<int>(value.size()));
}

// "key=-", "key=@file", "key=value".
Result<> read_pair(const std::string& pair, bool& stdin_used, v1::SecretPatch& patch) {
  const auto equals = pair.find('=');
  const auto key = pair.substr(0, equals);
  if (equals == std::string::npos || key.empty())
    return fail(Code::kInvalid, "\"" + (equals == std::string::npos ? pair : "=...") +
                                    "\": write KEY=- (standard input), KEY=@FILE or KEY=VALUE");
  if (patch.data().contains(key)) return fail(Code::kInvalid, "key \"" + key + "\" is given twice");
  std::string value = pair.substr(equals + 1);
  if (value == "-") {
    const bool person = isatty(STDIN_FILENO) != 0;
    if (!person && std::exchange(stdin_used, true))
      return fail(Code::kInvalid,
                  "key \"" + key + "\": standard input holds one value; give the others as @FILE");
    value = person ? read_hidden("Value of " + key + " (not shown): ") : piped();
    if (value.empty()) return fail(Code::kInvalid, "key \"" + key + "\": standard input was empty");
  } else if (value.starts_with('@')) {
    value = TRY(bytes_of(value.substr(1)));
  }
  if (!is_text(value))
    return fail(Code::kInvalid,
                "key \"" + key + "\": its value is not text (UTF-8); encode it, for example base64");
  (*patch.mutable_data())[key] = std::move(value);
  return {};
}

// --- what there is -----------------------------------------------------------------------------------

// Secret -> "shop in prod": who has it.
Result<std::map<std::string, std::set<std::string>>> users(Session& session) {
  std::map<std::string, std::set<std::string>> found;
  for (const auto& item : TRY(session.hub.list("/v1/resources?labelSelector=type%3Dsecret"))) {
    v1::Resource resource;
    TRY(parse(item, resource));
    const auto& spec = resource.spec();
    if (!spec.has_secret() || spec.deleted() || resource.status().has_unused_since()) continue;
    const auto who = spec.application().empty() ? std::string("several") : spec.application();
    found[spec.secret().name()].insert(who + " in " +
                                       (spec.environment().empty() ? spec.region() : spec.environment()));
  }
  return found;
}

std::vector<std::string> sorted_keys(const v1::Secret& secret) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : secret.spec().data()) keys.push_back(key);
  std::ranges::sort(keys);
  return keys;
}

void put_list(google::protobuf::Struct& row, const std::string& name, const std::vector<std::string>& words) {
  auto& list = *(*row.mutable_fields())[name].mutable_list_value();
  for (const auto& word : words) list.add_values()->set_string_value(word);
}

struct Row {
  v1::Secret secret;
  std::vector<std::string> users;
};

google::protobuf::Struct for_programs(const std::vector<Row>& rows) {
  google::protobuf::Struct all;
  auto& items = *(*all.mutable_fields())["items"].mutable_list_value();
  for (const auto& [secret, used_by] : rows) {
    auto& row = *items.add_values()->mutable_struct_value();
    auto& fields = *row.mutable_fields();
    fields["name"].set_string_value(secret.metadata().name());
    fields["id"].set_string_value(secret.spec().id().empty() ? secret.metadata().name() : secret.spec().id());
    fields["environment"].set_string_value(secret.spec().environment());
    fields["version"].set_number_value(secret.metadata().generation());
    put_list(row, "applications", {secret.spec().applications().begin(), secret.spec().applications().end()});
    put_list(row, "keys", sorted_keys(secret));
    put_list(row, "usedBy", used_by);
  }
  return all;
}

// --- changes -----------------------------------------------------------------------------------------

Exit patched(Session& session, const std::string& name, const v1::SecretPatch& patch,
             const std::vector<std::string>& parameters) {
  v1::ApplyResult result;
  const auto sent = session.hub.send_into("PATCH", path_of(name, parameters), model::to_json(patch), result);
  if (!sent) return report(sent.error());
  for (const auto& warning : result.warnings()) print_error("warning: " + warning + "\n");
  if (print_for_programs(session, result)) return Exit::kOk;
  if (session.format == Format::kName) {
    print("secret/" + name + "\n");
    return Exit::kOk;
  }
  for (const auto& change : result.objects()) {
    std::string action = change.action();
    std::ranges::transform(action, action.begin(), [](unsigned char c) { return std::tolower(c); });
    std::string text = "secret/" + name + "  " + action + ", version " + std::to_string(change.generation());
    if (result.dry_run()) text += " (dry run)";
    print(text + "\n");
    if (change.action() != "Configured") continue;
    const auto all = users(session);
    const auto found = all ? all->find(name) : std::map<std::string, std::set<std::string>>::const_iterator();
    if (all && found != all->end())
      print("used by " + joined({found->second.begin(), found->second.end()}, "") +
            ": restarts where a value differs\n");
  }
  return Exit::kOk;
}

}  // namespace

Exit run(Session& session, const SecretSetCommand& command) {
  v1::SecretPatch patch;
  bool stdin_used = false;
  for (const auto& pair : command.pairs)
    if (const auto read = read_pair(pair, stdin_used, patch); !read) return report(read.error());
  if (command.id) patch.set_id(*command.id);
  if (command.environment) patch.set_environment(*command.environment);
  for (const auto& application : command.applications) patch.add_applications(application);
  patch.set_every_application(command.every_application);
  std::vector<std::string> parameters;
  if (command.dry_run) parameters.emplace_back("dryRun=true");
  return patched(session, command.name, patch, parameters);
}

Exit run(Session& session, const SecretListCommand&) {
  const auto items = session.hub.list("/v1/secrets");
  if (!items) return report(items.error());
  const auto used = users(session);
  if (!used) return report(used.error());
  std::vector<Row> rows;
  for (const auto& item : *items) {
    Row row;
    if (const auto read = parse(item, row.secret); !read) return report(read.error());
    if (const auto found = used->find(row.secret.metadata().name()); found != used->end())
      row.users.assign(found->second.begin(), found->second.end());
    rows.push_back(std::move(row));
  }
  if (print_for_programs(session, for_programs(rows))) return Exit::kOk;
  if (session.format == Format::kName) {
    for (const auto& row : rows) print("secret/" + row.secret.metadata().name() + "\n");
    return Exit::kOk;
  }
  std::vector<std::vector<std::string>> cells;
  for (const auto& [secret, used_by] : rows) {
    const auto& spec = secret.spec();
    std::string name = secret.metadata().name();
    if (!spec.id().empty() && spec.id() != name) name += " (id " + spec.id() + ")";
    cells.push_back(
        {std::move(name), joined(sorted_keys(secret), "-"), std::to_string(secret.metadata().generation()),
         spec.environment().empty() ? "every" : spec.environment(),
         joined({spec.applications().begin(), spec.applications().end()}, "every"), joined(used_by, "-")});
  }
  print(table({"NAME", "KEYS", "VERSION", "ENVIRONMENT", "APPLICATIONS", "USED BY"}, std::move(cells)));
  return Exit::kOk;
}

Exit run(Session& session, const SecretRemoveCommand& command) {
  std::vector<std::string> parameters;
  if (command.force) parameters.emplace_back("force=true");
  if (!command.keys.empty()) {
    v1::SecretPatch patch;
    for (const auto& key : command.keys) patch.add_remove(key);
    return patched(session, command.name, patch, parameters);
  }
  v1::EraseResult result;
  const auto sent = session.hub.send_into("DELETE", path_of(command.name, parameters), "", result);
  if (!sent) return report(sent.error());
  if (print_for_programs(session, result)) return Exit::kOk;
  const std::string full = "secret/" + command.name;
  print(session.format == Format::kName ? full + "\n" : full + "  deleted; " + result.message() + "\n");
  return Exit::kOk;
}

}  // namespace qleet::cli
