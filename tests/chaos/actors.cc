#include "tests/chaos/actors.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/support/child.h"

namespace qleet::chaos {

using test::Json;

Actors::Actors(const Api& api, const Program& program, const StormClock& clock)
    : api_(api), program_(program), clock_(clock), left_(program.options.actors + 2) {
  for (int i = 0; i < program.options.actors + 2; ++i) threads_.emplace_back([this, i] { act(i); });
}

Actors::~Actors() { (void)stop(); }

std::vector<Answer> Actors::stop() {
  stopping_ = true;
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
  return answers_;
}

void Actors::act(int actor) {
  for (std::size_t i = 0; i < program_.steps.size() && !stopping_; ++i) {
    if (program_.steps[i].actor != actor) continue;
    clock_.wait_until(program_.steps[i].at);
    Answer answer = carry_out(i);
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
  }
  --left_;
}

Api::Reply Actors::send(const Step& step) const {
  switch (step.act) {
    case Step::Act::kApply:
      return api_.send("POST", "/v1/apply", yaml(step.subject, step.app));
    case Step::Act::kDelete:
      return api_.send("DELETE", "/v1/applications/" + step.subject);
    case Step::Act::kBuild:
      return api_.send("POST", "/v1/builds", build_json(step.subject, step.detail, step.mark));
    case Step::Act::kApprove:
      return api_.send("POST", fmt::format("/v1/applications/{}/approve", step.subject),
                       fmt::format(R"({{"environment": "{}"}})", step.detail));
    case Step::Act::kRollback:
      return roll_back(step);
    case Step::Act::kEnvironment:
      return api_.send("POST", "/v1/apply", yaml(step.subject, step.environment, step.mark));
    case Step::Act::kRegion:
      return api_.send("POST", "/v1/apply", region_yaml(step.subject, step.detail, step.mark));
    case Step::Act::kProfile:
      return api_.send("POST", "/v1/apply", profile_yaml(step.mark));
  }
  return {};
}

Api::Reply Actors::roll_back(const Step& step) const {
  std::vector<Json> releases;
  if (!api_.list("releases", releases)) return {};
  long number = 0;
  for (const auto& release : releases) {
    if (release["spec.application"].str() != step.subject) continue;
    const Json workloads = release["spec.definition.workloads"];
    const bool same =
        workloads.names().size() == step.to.size() && std::ranges::all_of(step.to, [&](const auto& one) {
          const Json main = workloads.field(one.first)["score.containers.main"];
          const long build = one.second.build;
          return main["variables.MARK"].str() == mark_word(one.second.mark) &&
                 (build ? main["image"].str().find(build_word(build)) != std::string::npos
                        : main["image"].str().ends_with(":1"));
        });
    if (same) number = std::max(number, release["spec.number"].number());
  }
  if (number == 0) return {.status = 404, .body = "no release has that content", .error = {}};
  return api_.send("POST", fmt::format("/v1/applications/{}/rollback", step.subject),
                   fmt::format(R"({{"toRelease": {}, "force": true}})", number));
}

long Actors::revision_now() {
  std::vector<Json> none;
  long revision = 0;
  while (!stopping_ && !api_.list("environments", none, &revision)) test::nap(std::chrono::milliseconds(30));
  return revision;
}

Answer Actors::carry_out(std::size_t index) {
  const Step& step = program_.steps[index];
  Answer answer{.step = index, .sent = clock_.millis()};
  while (!stopping_) {
    ++answer.tries;
    const auto reply = send(step);
    if (reply.passing()) {
      test::nap(std::chrono::milliseconds(30));
      continue;
    }
    answer.answered = clock_.millis();
    answer.status = reply.status;
    if (reply.ok()) {
      answer.revision = Json::parse(reply.body)["revision"].number();
      answer.not_shown = not_shown(step);
    } else {
      answer.body = reply.body;
    }
    answer.bound = answer.tries == 1 && answer.revision > 0 ? answer.revision : revision_now();
    break;
  }
  return answer;
}

// Nobody else writes this object: what was acknowledged is what a read gives, whatever happened between.
std::string Actors::not_shown(const Step& step) {
  const bool app = step.act == Step::Act::kApply || step.act == Step::Act::kDelete;
  const std::string kind = app                                   ? "applications"
                           : step.act == Step::Act::kEnvironment ? "environments"
                           : step.act == Step::Act::kRegion      ? "regions"
                           : step.act == Step::Act::kProfile     ? "profiles"
                                                                 : "";
  while (!stopping_ && !kind.empty()) {
    const auto reply = api_.send("GET", fmt::format("/v1/{}/{}", kind, step.subject));
    if (reply.passing()) {
      test::nap(std::chrono::milliseconds(30));
      continue;
    }
    const Seen now = seen("", Json::parse(reply.body));
    const bool there = reply.ok() && !now.deleting;
    if (step.act == Step::Act::kDelete) return there ? "still there, at " + std::to_string(now.revision) : "";
    if (there && now.mark == step.mark) return "";
    return fmt::format("{} with mark {}", reply.status, now.mark);
  }
  return "";
}

}  // namespace qleet::chaos
