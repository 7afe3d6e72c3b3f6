// The command that takes things away, and asks before data goes.
#include <unistd.h>

#include <iostream>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/kinds.h"
#include "cli/notices.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "common/clock/duration.h"
#include "common/model/model.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

constexpr std::string_view kApplication = "Application";

Exit waited_for_deletion(Session& session, const model::Kind& kind, const std::vector<std::string>& names,
                         const std::string& timeout) {
  auto limit = parse_duration(timeout);
  if (!limit) return report(wrap(limit.error(), "--timeout"));
  const std::string plural(kind.plural);
  for (const auto& name : names) {
    const Exit exit = until_gone(session, plural, name, *limit);
    if (exit != Exit::kOk) {
      if (exit == Exit::kTimeout)
        print_error("qleet: " + name + " is still there after " + timeout + "; it goes on: qleet describe " +
                    plural + " " + name + "\n");
      return exit;
    }
    print(std::string(kind.short_name) + "/" + name + " is gone\n");
  }
  return Exit::kOk;
}

class Deletion {
 public:
  Deletion(Session& session, const DeleteCommand& command) : session_(session), command_(command) {}

  Exit run(const model::Kind& kind, const std::string& name) {
    const bool with_data = command_.delete_data && kind.name == kApplication;
    const std::string path = "/v1/" + std::string(kind.plural) + "/" + http::encode(name);
    const std::string parameters = with_data ? "deleteData=true" : "";
    if (with_data && !command_.yes) {
      v1::EraseResult foreseen;
      const auto looked = session_.hub.send_into("DELETE", path + "?dryRun=true&" + parameters, "", foreseen);
      if (!looked) return report(looked.error());
      if (const auto exit = confirm(name, foreseen.data()); exit != Exit::kOk) return exit;
    }
    v1::EraseResult result;
    const auto sent =
        session_.hub.send_into("DELETE", path + (parameters.empty() ? "" : "?" + parameters), "", result);
    if (!sent) return report(sent.error());
    if (print_for_programs(session_, result)) return Exit::kOk;
    const std::string full = lower(std::string(kind.name)) + "/" + name;
    if (session_.format == Format::kName) {
      print(full + "\n");
      return Exit::kOk;
    }
    print(full + "  deleted" + (result.message().empty() ? "" : "; " + result.message()) + "\n");
    print_data(result.data());
    return Exit::kOk;
  }

 private:
  // The application's name, typed by a person who has read what goes.
  Exit confirm(const std::string& name, const Notices& data) {
    if (!deletes_data(data)) return Exit::kOk;
    if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
      print_error("qleet: application \"" + name +
                  "\": data would be deleted, and there is no terminal to ask on; say --yes to go on\n" +
                  describe_data(data));
      return Exit::kUsage;
    }
    print_error(name + " will be removed, with its data.\n" + describe_data(data) +
                "Type the application's name to go on: ");
    std::string typed;
    std::getline(std::cin, typed);
    if (typed == name) return Exit::kOk;
    print_error("qleet: that is not its name; nothing was deleted\n");
    return Exit::kFailed;
  }

  Session& session_;
  const DeleteCommand& command_;
};

}  // namespace

Exit run(Session& session, const DeleteCommand& command) {
  Deletion deletion(session, command);
  if (!command.files.empty()) {
    const auto input = Input::read(command.files, {.source_files = SourceFiles::kLeave});
    if (!input) return report(input.error());
    auto objects = model::decode(input->text(), {.validate = false});
    if (!objects) return report(input->locate(objects.error()));
    for (auto it = objects->rbegin(); it != objects->rend(); ++it) {
      const auto& kind = model::kind_of(**it);
      const auto& name = model::meta(**it).name();
      if (name.empty())
        return report(
            {Code::kInvalid, "an object of kind " + std::string(kind.name) + " has no metadata.name", {}});
      const auto exit = deletion.run(kind, name);
      if (exit != Exit::kOk && exit != Exit::kNotFound) return exit;
    }
    return Exit::kOk;
  }
  const auto kind = kind_named(command.kind);
  if (!kind) return report(kind.error());
  if (command.delete_data && (*kind)->name != kApplication) {
    print_error("qleet: --delete-data: only an application is deleted with its data; leave it out\n");
    return Exit::kUsage;
  }
  for (const auto& name : command.names) {
    if (const auto exit = deletion.run(**kind, name); exit != Exit::kOk) return exit;
  }
  return command.wait.wait ? waited_for_deletion(session, **kind, command.names, command.wait.timeout)
                           : Exit::kOk;
}

}  // namespace qleet::cli
