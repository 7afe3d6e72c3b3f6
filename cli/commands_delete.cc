// The command that takes things away, and asks before data goes.
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/interrupt.h"
#include "cli/kinds.h"
#include "cli/notices.h"
#include "cli/objects_view.h"
#include "cli/output.h"
#include "cli/patience.h"
#include "cli/progress.h"
#include "common/clock/duration.h"
#include "common/model/model.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

constexpr std::string_view kApplication = "Application";

// An object whose deletion was asked for.
struct Deleted {
  const model::Kind* kind = nullptr;
  std::string name;
  std::string uid;
};

Exit waited_for_deletion(Session& session, const std::vector<Deleted>& deleted, const std::string& given) {
  const std::string timeout = given.empty() ? kLongWait : given;
  const auto limit = parse_duration(timeout);
  if (!limit) return report(wrap(limit.error(), "--timeout"));
  const auto deadline = session.clock.mono() + *limit;
  for (const auto& [kind, name, uid] : deleted) {
    const Interrupt interrupt("qleet: no longer waited for; it goes on: qleet describe " +
                              std::string(kind->plural) + " " + name);
    const auto left = std::max(deadline - session.clock.mono(), Millis(0));
    const Exit exit = until_gone(session, *kind, name, uid, left);
    if (exit != Exit::kOk) {
      if (exit == Exit::kTimeout)
        print_error("qleet: " + name + " is still there after " + timeout + "; it goes on: qleet describe " +
                    std::string(kind->plural) + " " + name + "\n");
      return exit;
    }
    print_note(session, std::string(kind->short_name) + "/" + name + " is gone\n");
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
    // Before: there may be another one of its name when it is waited for.
    const std::string uid = command_.wait.wait ? uid_of(session_, kind, name) : "";
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
    deleted_.push_back({&kind, name, uid});
    if (print_for_programs(session_, result)) return Exit::kOk;
    const std::string full = lower(std::string(kind.name)) + "/" + name;
    if (session_.format == Format::kName) {
      print(full + "\n");
      return Exit::kOk;
    }
    print(full + "  deleted" + (result.message().empty() ? "" : "; " + result.message()) + "\n");
    print_data(result.data(), When::kDone);
    return Exit::kOk;
  }

  // Whatever was deleted, where that was asked for.
  Exit wait() const {
    return command_.wait.wait ? waited_for_deletion(session_, deleted_, command_.wait.timeout) : Exit::kOk;
  }

 private:
  // The application's name, typed by a person who has read what goes.
  Exit confirm(const std::string& name, const Notices& data) {
    if (!deletes_data(data)) return Exit::kOk;
    if (isatty(STDIN_FILENO) == 0 || isatty(STDERR_FILENO) == 0) {
      print_error(
          "qleet: application \"" + name +
          "\": nothing was deleted: its data would go too, and there is no terminal to ask on; say --yes "
          "to go on\n" +
          describe_data(data, When::kForeseen));
      return Exit::kUsage;
    }
    print_error(name + " will be removed, with its data.\n" + describe_data(data, When::kForeseen) +
                "Type the application's name to go on: ");
    std::string typed;
    std::getline(std::cin, typed);
    if (typed == name) return Exit::kOk;
    print_error("qleet: that is not its name; nothing was deleted\n");
    return Exit::kFailed;
  }

  Session& session_;
  const DeleteCommand& command_;
  std::vector<Deleted> deleted_;
};

Result<std::vector<Target>> targets_to_delete(Session& session, const DeleteCommand& command) {
  if (command.selector.empty()) return named_targets_of(command.targets);
  auto targets = TRY(targets_of(command.targets));
  for (auto& target : targets) {
    if (!target.names.empty()) return fail(Code::kInvalid, "delete either by name or by -l, not both");
    Query query;
    query.add("labelSelector", command.selector);
    for (const auto& item : TRY(session.hub.list("/v1/" + std::string(target.kind->plural) + query.text)))
      target.names.push_back(model::meta(*TRY(object_of(*target.kind, item))).name());
    if (target.names.empty())
      print_error("no " + std::string(target.kind->plural) + " with " + command.selector + "\n");
  }
  return targets;
}

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
    return deletion.wait();
  }
  const auto targets = targets_to_delete(session, command);
  if (!targets) return report(targets.error());
  for (const auto& target : *targets) {
    if (command.delete_data && target.kind->name != kApplication) {
      print_error("qleet: --delete-data: only an application is deleted with its data; leave it out\n");
      return Exit::kUsage;
    }
  }
  for (const auto& target : *targets) {
    for (const auto& name : target.names) {
      if (const auto exit = deletion.run(*target.kind, name); exit != Exit::kOk) return exit;
    }
  }
  return deletion.wait();
}

}  // namespace qleet::cli
