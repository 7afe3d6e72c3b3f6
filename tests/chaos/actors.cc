#include "tests/chaos/actors.h"

#include <fmt/format.h>

#include <algorithm>

#include "tests/support/child.h"

namespace qleet::chaos {

using test::Json;

Actors::Actors(const Api& api, const Program& program, const StormClock& clock)
    : api_(api), program_(program), clock_(clock), left_(program.options.actors) {
  for (int i = 0; i < program.options.actors; ++i) threads_.emplace_back([this, i] { act(i); });
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
  }
  return {};
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
    break;
  }
  return answer;
}

// Nobody else writes this application: what was acknowledged is what a read gives, whatever happened between.
std::string Actors::not_shown(const Step& step) {
  while (!stopping_) {
    const auto reply = api_.send("GET", "/v1/applications/" + step.subject);
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
