#include <fmt/format.h>

#include "hub/controllers/events.h"
#include "hub/controllers/releases.h"
#include "hub/frontend/operation.h"

namespace qleet::hub::frontend {

using controllers::Work;

Result<v1::DeliveryAnswers> approve(const Context& context, const Caller& caller,
                                    const v1::ApproveRequest& request) {
  v1::DeliveryAnswers answers;
  const auto revision = TRY(in_transaction(context, [&](Work& work) -> Result<> {
    answers.Clear();
    TRY(existing<v1::Application>(work.txn, request.application()));
    auto answer = TRY(controllers::approve_candidate(work, request.application(), request.environment(),
                                                     request.release(), caller.subject));
    const auto detail = fmt::format("release {} in {}", answer.release(), request.environment());
    if (answer.state() != "Unchanged")
      TRY(controllers::record_audit(
          work, {caller.subject, "approve", "Application", request.application(), detail}));
    *answers.add_releases() = std::move(answer);
    return {};
  }));
  answers.set_revision(revision);
  return answers;
}

Result<v1::DeliveryAnswers> rollback(const Context& context, const Caller& caller,
                                     const v1::RollbackRequest& request) {
  v1::DeliveryAnswers answers;
  const auto revision = TRY(in_transaction(context, [&](Work& work) -> Result<> {
    answers.Clear();
    TRY(existing<v1::Application>(work.txn, request.application()));
    const controllers::Rollback wanted{request.application(), request.environment(), request.to_release(),
                                       caller.subject, request.force()};
    auto to = request.to_release();
    for (auto& answer : TRY(controllers::roll_back(work, wanted))) {
      if (answer.content_of() != 0) to = answer.content_of();
      *answers.add_releases() = std::move(answer);
    }
    const auto detail = fmt::format("to release {}{}{}{}", to, request.environment().empty() ? "" : " in ",
                                    request.environment(), request.force() ? ", forced" : "");
    return controllers::record_audit(
        work, {caller.subject, "rollback", "Application", request.application(), detail});
  }));
  answers.set_revision(revision);
  return answers;
}

}  // namespace qleet::hub::frontend
