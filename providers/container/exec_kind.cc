// Something inside another resource's container that commands make true: a database in a server, a user, a
// bucket.
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include "common/model/reasons.h"
#include "providers/container/kinds.h"
#include "providers/container/names.h"
#include "providers/container/template.h"

namespace qleet::container {

namespace {

using State = Observation::State;

constexpr const char* kMadeFor = "made-for";       // note: the hash that it was made for last
constexpr const char* kUnfinished = "unfinished";  // instead of it, while commands run
constexpr const char* kMadeBy = "made-by";         // note: the template of that time, to remove it by
constexpr Millis kSoon{300};
constexpr Millis kLongestCheck{8'000};
constexpr std::size_t kMostWords = 500;

class ExecHandler final : public Handler {
 public:
  explicit ExecHandler(Context& context) : context_(context) {}

  Result<Observation> observe(const ProviderResource& resource) override;
  Result<StepResult> apply(const ProviderResource& resource, const Observation& seen) override;
  Result<StepResult> remove(const ProviderResource& resource, const Observation& seen) override;

 private:
  // Nothing where the container is gone, and all in it.
  Result<std::optional<std::string>> find(const ProviderResource& resource, const ExecTarget& target);
  Result<bool> is_there(const std::string& container, const ExecTarget& target);
  // What it keeps is gone for sure: not where that cannot be told at the moment.
  Result<bool> lost_data(const std::string& container, const ExecTarget& target);
  Result<bool> is_left(const std::string& container, const ExecTarget& target);
  Result<> run(const std::string& container, const ExecTarget& target,
               const std::vector<std::string>& command);
  std::string job_of(const ProviderResource& resource) const { return "exec " + base_name(resource); }

  Context& context_;
};

containers::ExecSpec spec_of(const ExecTarget& target, const std::vector<std::string>& command) {
  containers::ExecSpec spec{.command = command, .user = target.user};
  for (const auto& [name, value] : target.env) spec.env.push_back(name + "=" + value);
  for (const auto& [name, value] : target.secrets) spec.env.push_back(name + "=" + value);
  return spec;
}

// What a command said, without any secret that it was given.
std::string words_of(const ExecTarget& target, const containers::ExecResult& result) {
  std::string words = result.err.empty() ? result.out : result.err;
  for (const auto& [name, value] : target.secrets) {
    if (value.empty()) continue;
    for (std::size_t at = words.find(value); at != std::string::npos; at = words.find(value, at + 3)) {
      words.replace(at, value.size(), "***");
    }
  }
  words = words.substr(0, kMostWords);
  while (words.ends_with('\n')) words.pop_back();
  return words;
}

Result<std::optional<std::string>> ExecHandler::find(const ProviderResource& resource,
                                                     const ExecTarget& target) {
  const auto details = context_.client().inspect(target.container);
  if (!details) {
    if (details.error().code == Code::kNotFound) return std::nullopt;
    return std::unexpected(details.error());
  }
  if (label(details->labels, labels::kOwner) != resource.owner) {
    return fail(
        Code::kInvalid, reasons::kInvalidTemplate,
        fmt::format("template.container: {} was not made by this agent; name the container of a resource "
                    "that this one requires",
                    target.container));
  }
  if (!details->running()) {
    return fail(Code::kUnavailable, reasons::kExited,
                fmt::format("{} does not run at the moment", details->name));
  }
  return details->id;
}

Result<bool> ExecHandler::is_there(const std::string& container, const ExecTarget& target) {
  const auto result = TRY(context_.client().exec(container, spec_of(target, target.check),
                                                 std::min(target.timeout, kLongestCheck)));
  if (result.exit_code == 126 || result.exit_code == 127) {
    return fail(
        Code::kInvalid, reasons::kInvalidTemplate,
        fmt::format("template.check: cannot be run in {}: {}", target.container, words_of(target, result)));
  }
  return result.exit_code == 0;
}

Result<bool> ExecHandler::lost_data(const std::string& container, const ExecTarget& target) {
  if (target.data.empty()) return false;
  const auto result = TRY(context_.client().exec(container, spec_of(target, target.data),
                                                 std::min(target.timeout, kLongestCheck)));
  return result.exit_code == 1;
}

// Whether there is something to take away: also data that `check` finds to be other than wanted.
Result<bool> ExecHandler::is_left(const std::string& container, const ExecTarget& target) {
  if (TRY(is_there(container, target))) return true;
  return !target.data.empty() && !TRY(lost_data(container, target));
}

Result<> ExecHandler::run(const std::string& container, const ExecTarget& target,
                          const std::vector<std::string>& command) {
  const auto result = TRY(context_.client().exec(container, spec_of(target, command), target.timeout));
  if (result.exit_code == 0) return {};
  return fail(Code::kUnavailable, reasons::kProviderError,
              fmt::format("{} in {} ended with code {}: {}", command.front(), target.container,
                          result.exit_code, words_of(target, result)));
}

Result<Observation> ExecHandler::observe(const ProviderResource& resource) {
  const ExecTarget target = TRY(parse_exec(resource.template_));
  const std::string key = base_name(resource);
  const std::string made_for = context_.mounts().read_note(key, kMadeFor);
  Observation out;
  if (!made_for.empty()) out.state = State::kOutOfDate;
  const auto container = TRY(find(resource, target));
  if (!container) {
    out.message = fmt::format("container {} is not there", target.container);
    return out;
  }
  if (context_.jobs().look(job_of(resource)).running) {
    out.state = State::kProgressing;
    out.message = fmt::format("commands run in {}", target.container);
    return out;
  }
  if (!TRY(is_there(*container, target))) {
    if (!made_for.empty() && made_for != kUnfinished && TRY(lost_data(*container, target))) {
      out.reason = reasons::kDataLost;
      out.message = fmt::format(
          "what was made in {} is not there any more: somebody removed it, and with it its data. Nothing "
          "is made in its place. Put it back from a backup, or delete this resource to begin anew",
          target.container);
    }
    return out;
  }
  out.state = made_for == resource.hash ? State::kReady : State::kOutOfDate;
  out.self = {{"container", target.container}};
  return out;
}

Result<StepResult> ExecHandler::apply(const ProviderResource& resource, const Observation&) {
  const ExecTarget target = TRY(parse_exec(resource.template_));
  const std::string key = base_name(resource);
  const auto container = TRY(find(resource, target));
  if (!container) {
    return fail(Code::kUnavailable, reasons::kProviderError,
                fmt::format("container {} is not there", target.container));
  }
  if (!context_.jobs().look(job_of(resource)).running &&
      context_.mounts().read_note(key, kMadeFor) == resource.hash && TRY(is_there(*container, target))) {
    return StepResult{.done = true};
  }
  const auto work = [this, target, key, resource, id = *container](std::stop_token, const auto&) -> Result<> {
    // Intent first: what a crash leaves half-made must be found by a removal.
    std::string text;
    (void)google::protobuf::util::MessageToJsonString(resource.template_, &text);
    TRY(context_.mounts().write_note(key, kMadeBy, text));
    TRY(context_.mounts().write_note(key, kMadeFor, kUnfinished));
    for (const auto& command : target.create) TRY(run(id, target, command));
    return context_.mounts().write_note(key, kMadeFor, resource.hash);
  };
  const auto state = context_.jobs().run(job_of(resource), resource.name, work);
  if (state.error) return std::unexpected(*state.error);
  return StepResult{
      .done = false, .recheck_after = kSoon, .message = fmt::format("commands run in {}", target.container)};
}

Result<StepResult> ExecHandler::remove(const ProviderResource& resource, const Observation&) {
  const std::string key = base_name(resource);
  auto target = parse_exec(resource.template_);
  if (!target) {
    google::protobuf::Struct old;
    const std::string text = context_.mounts().read_note(key, kMadeBy);
    if (!text.empty() && google::protobuf::util::JsonStringToMessage(text, &old).ok())
      target = parse_exec(old);
  }
  if (target) {
    const auto container = TRY(find(resource, *target));
    if (container && TRY(is_left(*container, *target))) {
      const auto work = [this, target = *target, id = *container](std::stop_token, const auto&) -> Result<> {
        for (const auto& command : target.remove) TRY(run(id, target, command));
        return {};
      };
      if (!target->remove.empty()) {
        const auto state = context_.jobs().run(job_of(resource), resource.name, work);
        if (state.error) return std::unexpected(*state.error);
        return StepResult{.done = false,
                          .recheck_after = kSoon,
                          .message = fmt::format("commands run in {}", target->container)};
      }
    }
  }
  TRY(context_.mounts().remove_all(key));
  context_.notifier().forget(resource.name);
  return StepResult{.done = true};
}

}  // namespace

std::unique_ptr<Handler> make_exec(Context& context) { return std::make_unique<ExecHandler>(context); }

}  // namespace qleet::container
