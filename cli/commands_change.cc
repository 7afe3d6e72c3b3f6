// Commands that change what is wanted: apply, plan, approve, rollback.
#include <algorithm>
#include <cctype>
#include <optional>

#include "cli/answers.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "cli/kinds.h"
#include "cli/notices.h"
#include "cli/progress.h"
#include "common/clock/duration.h"
#include "common/model/model.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::cli {
namespace {

Exit answered(Session& session, const v1::DeliveryAnswers& answers, const WaitOptions& wait) {
  if (!print_for_programs(session, answers)) {
    print_answers(session, answers.releases());
  }
  if (!wait.wait) return Exit::kOk;
  std::vector<std::string> applications;
  for (const auto& answer : answers.releases()) {
    if (std::ranges::find(applications, answer.application()) == applications.end())
      applications.push_back(answer.application());
  }
  return applications.empty() ? Exit::kOk
                              : follow(session, applications, "", wait.timeout, goals_of(answers.releases()));
}

Exit deliver(Session& session, const std::string& path, const google::protobuf::Message& request,
             const WaitOptions& wait) {
  v1::DeliveryAnswers answers;
  const auto sent = session.hub.send_into("POST", path, model::to_json(request), answers);
  return sent ? answered(session, answers, wait) : report(sent.error());
}

// Before they leave.
void tell_sent(const Input& input) {
  if (input.sent_files().empty()) return;
  const auto count = input.sent_files().size();
  std::string text = "sends " + std::to_string(count) + (count == 1 ? " file: " : " files: ");
  for (size_t i = 0; i < count; ++i) text += (i ? ", " : "") + one_line(input.sent_files()[i]);
  print_error(text + "\n");
}

}  // namespace

Exit run(Session& session, const ApplyCommand& command) {
  const auto input = Input::read(command.files, {.image = command.image});
  if (!input) return report(input.error());
  tell_sent(*input);
  v1::ApplyResult result;
  const auto sent = session.hub.send_into("POST", command.dry_run ? "/v1/apply?dryRun=true" : "/v1/apply",
                                          input->text(), result);
  if (!sent) return report(input->locate(sent.error()));
  if (!print_for_programs(session, result)) {
    for (const auto& object : result.objects()) {
      const std::string name = lower(object.kind()) + "/" + object.name();
      if (session.format == Format::kName) {
        print(name + "\n");
      } else {
        print(name + "  " + lower(object.action()) +
              (object.generation() ? "  revision " + std::to_string(object.generation()) : "") +
              (command.dry_run ? " (dry run)" : "") + "\n");
      }
    }
    if (session.format != Format::kName) print_answers(session, result.releases());
    if (session.format != Format::kName)
      print_data(result.data(), command.dry_run ? When::kForeseen : When::kDone);
  }
  for (const auto& warning : result.warnings()) print_error("warning: " + warning + "\n");
  if (!command.wait.wait || command.dry_run || input->applications().empty()) return Exit::kOk;
  if (!session.for_programs()) print("\n");
  return follow(session, input->applications(), "", command.wait.timeout, goals_of(result.releases()));
}

Exit run(Session& session, const PlanCommand& command) {
  std::string body;
  Input input;
  if (!command.erase_kind.empty()) {
    const auto kind = kind_named(command.erase_kind);
    if (!kind) return report(kind.error());
    v1::PlanRequest request;
    request.mutable_erase()->set_kind(std::string((*kind)->name));
    request.mutable_erase()->set_name(command.erase_name);
    request.mutable_erase()->set_delete_data(command.delete_data);
    body = model::to_json(request);
  } else if (command.files.empty()) {
    const auto build = build_named(command.image, command.tag, command.digest);
    body = R"({"build":)" + model::to_json(build) + "}";
  } else {
    auto read = Input::read(command.files, {.image = command.image});
    if (!read) return report(read.error());
    input = std::move(*read);
    tell_sent(input);
    body = input.text();
  }
  v1::PlanResult plan;
  const auto sent = session.hub.send_into("POST", "/v1/plan", body, plan);
  if (!sent) return report(input.locate(sent.error()));
  if (!print_for_programs(session, plan)) print(plan.text() + (plan.text().ends_with('\n') ? "" : "\n"));
  const bool changes = plan.to_add() + plan.to_change() + plan.to_remove() > 0;
  return command.exit_code && changes ? Exit::kFailed : Exit::kOk;
}

Exit run(Session& session, const ApproveCommand& command) {
  v1::ApproveRequest request;
  request.set_environment(command.environment);
  request.set_release(command.release);
  return deliver(session, "/v1/applications/" + http::encode(command.application) + "/approve", request,
                 command.wait);
}

Exit run(Session& session, const RollbackCommand& command) {
  v1::RollbackRequest request;
  request.set_environment(command.environment);
  request.set_to_release(command.release);
  request.set_force(command.force);
  return deliver(session, "/v1/applications/" + http::encode(command.application) + "/rollback", request,
                 command.wait);
}

}  // namespace qleet::cli
