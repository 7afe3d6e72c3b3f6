// Commands that change what is wanted: apply, plan, approve, rollback, build notify.
#include <algorithm>
#include <cctype>
#include <optional>

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

std::string describe_answer(const v1::DeliveryAnswer& answer) {
  std::string text = answer.environment() + "  ";
  if (answer.state() == "AwaitingApproval") {
    return text + "release " + std::to_string(answer.release()) + " waits for approval: qleet approve " +
           answer.application() + " " + answer.environment() + " --release " +
           std::to_string(answer.release());
  }
  if (answer.state() == "AwaitingEnvironment")
    return text + "release " + std::to_string(answer.release()) + " waits for another environment";
  if (answer.state() == "Unchanged")
    return text + "unchanged" +
           (answer.release() ? " (release " + std::to_string(answer.release()) + ")" : "");
  text += "release " + std::to_string(answer.release()) + " rolls out";
  return answer.content_of() == 0
             ? text
             : text + ", with the content of release " + std::to_string(answer.content_of());
}

void print_answers(const Session& session,
                   const google::protobuf::RepeatedPtrField<v1::DeliveryAnswer>& answers) {
  for (const auto& answer : answers) {
    if (session.format == Format::kName) {
      print("deployment/" + answer.application() + "." + answer.environment() + "\n");
    } else {
      print(answer.application() + "  " + describe_answer(answer) + "\n");
    }
  }
}

Exit answered(Session& session, const v1::DeliveryAnswers& answers, const WaitOptions& wait) {
  if (!print_for_programs(session, answers)) {
    print_answers(session, answers.releases());
    if (answers.releases().empty()) print("nothing follows this image\n");
  }
  if (!wait.wait) return Exit::kOk;
  std::vector<std::string> applications;
  for (const auto& answer : answers.releases()) {
    if (std::ranges::find(applications, answer.application()) == applications.end())
      applications.push_back(answer.application());
  }
  return applications.empty() ? Exit::kOk : follow(session, applications, "", wait.timeout);
}

Exit deliver(Session& session, const std::string& path, const google::protobuf::Message& request,
             const WaitOptions& wait, const http::Headers& headers = {}) {
  v1::DeliveryAnswers answers;
  const auto sent = session.hub.send_into("POST", path, model::to_json(request), answers, headers);
  return sent ? answered(session, answers, wait) : report(sent.error());
}

// "repo:tag@sha256:..." apart; a colon before the last slash is a port.
void split_image(std::string& image, std::string& tag, std::string& digest) {
  if (const auto at = image.find('@'); at != std::string::npos) {
    if (digest.empty()) digest = image.substr(at + 1);
    image.resize(at);
  }
  const auto colon = image.rfind(':');
  if (colon != std::string::npos && (image.rfind('/') == std::string::npos || colon > image.rfind('/'))) {
    if (tag.empty()) tag = image.substr(colon + 1);
    image.resize(colon);
  }
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
    if (session.format != Format::kName) print_data(result.data());
    for (const auto& warning : result.warnings()) print_error("warning: " + warning + "\n");
  }
  if (!command.wait.wait || command.dry_run || input->applications().empty()) return Exit::kOk;
  if (!session.for_programs()) print("\n");
  return follow(session, input->applications(), "", command.wait.timeout);
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
    v1::BuildSpec build;
    std::string image = command.image;
    std::string tag = command.tag;
    std::string digest = command.digest;
    split_image(image, tag, digest);
    build.set_image(image);
    build.set_tag(tag);
    build.set_digest(digest);
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

Exit run(Session& session, const NotifyCommand& command) {
  std::string image = command.image;
  std::string tag = command.tag;
  std::string digest = command.digest;
  split_image(image, tag, digest);
  v1::BuildSpec build;
  build.set_image(image);
  build.set_tag(tag);
  build.set_digest(digest);
  build.set_revision(command.revision);
  build.set_application(command.application);
  http::Headers headers;
  if (!command.key.empty()) headers.emplace_back("Idempotency-Key", command.key);
  return deliver(session, "/v1/builds", build, command.wait, headers);
}

}  // namespace qleet::cli
