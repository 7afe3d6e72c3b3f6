#include "cli/answers.h"

#include "common/model/image_name.h"

namespace qleet::cli {

std::string describe_answer(const v1::DeliveryAnswer& answer) {
  std::string text = answer.environment() + "  ";
  if (answer.state() == "AwaitingApproval") {
    return text + "release " + std::to_string(answer.release()) + " waits for approval: qleet approve " +
           answer.application() + " " + answer.environment() + " --release " +
           std::to_string(answer.release());
  }
  if (answer.state() == "AwaitingEnvironment")
    return text + "release " + std::to_string(answer.release()) + " waits for another environment";
  if (answer.state() == "HeldBack") return text + "held back: " + answer.reason();
  if (answer.state() == "Unchanged")
    return text + "unchanged" +
           (answer.release() ? " (release " + std::to_string(answer.release()) + ")" : "") +
           (answer.reason().empty() ? "" : ": " + answer.reason());
  text += "release " + std::to_string(answer.release()) + " rolls out";
  if (answer.content_of() != 0)
    text += ", with the content of release " + std::to_string(answer.content_of());
  return answer.reason().empty() ? text : text + " (" + answer.reason() + ")";
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

v1::BuildSpec build_named(const std::string& image, const std::string& tag, const std::string& digest) {
  auto name = model::split_image(image);
  v1::BuildSpec build;
  build.set_image(name.repository);
  build.set_tag(tag.empty() ? name.tag : tag);
  build.set_digest(digest.empty() ? name.digest : digest);
  return build;
}

}  // namespace qleet::cli
