#include "providers/noop/noop_provider.h"

#include <algorithm>
#include <sstream>
#include <thread>

#include "common/model/reasons.h"
#include "common/template/shape.h"
#include "common/template/template.h"

namespace qleet::noop {
namespace {

constexpr WallTime kNever{};

namespace fields {

using templates::Field;
using enum templates::FieldType;

inline constexpr Field kOutputs{"outputs", kDocument};
inline constexpr Field kDelayMs{"delayMs", kNumber};
inline constexpr Field kRemoveDelayMs{"removeDelayMs", kNumber};
inline constexpr Field kSteps{"steps", kNumber};
inline constexpr Field kFail{"fail"};
inline constexpr Field kFailReason{"failReason"};
inline constexpr Field kFailTimes{"failTimes", kNumber};
inline constexpr Field kFailRemove{"failRemove"};
inline constexpr Field kInvalid{"invalid"};
inline constexpr Field kLog{"log"};
inline constexpr Field kDegraded{"degraded", kFlag};
inline constexpr Field kReplicas{"replicas", kNumber};
inline constexpr Field kRestarts{"restarts", kNumber};

inline constexpr Field kAll[] = {kOutputs,    kDelayMs,   kRemoveDelayMs, kSteps,   kFail,
                                 kFailReason, kFailTimes, kFailRemove,    kInvalid, kLog,
                                 kDegraded,   kReplicas,  kRestarts};
inline constexpr templates::Shape kTemplate{.fields = kAll, .open = true};

}  // namespace fields

const google::protobuf::Value* field(const ProviderResource& resource, const templates::Field& wanted) {
  const auto& fields = resource.template_.fields();
  const auto known = fields.find(std::string(wanted.name));
  return known == fields.end() ? nullptr : &known->second;
}

std::string text(const ProviderResource& resource, const templates::Field& wanted) {
  const auto* value = field(resource, wanted);
  return value ? value->string_value() : "";
}

std::int64_t number(const ProviderResource& resource, const templates::Field& wanted) {
  const auto* value = field(resource, wanted);
  return value ? static_cast<std::int64_t>(value->number_value()) : 0;
}

std::map<std::string, std::string> outputs(const ProviderResource& resource) {
  std::map<std::string, std::string> self{{"name", resource.name}};
  if (const auto* value = field(resource, fields::kOutputs))
    for (const auto& [name, output] : value->struct_value().fields())
      self[name] =
          output.has_struct_value() ? templates::canonical(output.struct_value()) : output.string_value();
  return self;
}

Observation progressing(std::string_view reason, Millis left) {
  return {.state = Observation::State::kProgressing,
          .reason = std::string(reason),
          .message = {},
          .self = {},
          .images = {},
          .counts = {},
          .recheck_after = std::max(left, Millis(1)),
          .detail = {}};
}

}  // namespace

TemplateSchema NoopProvider::schema() const {
  // What it tells besides is what its template says under "outputs".
  return {.template_ = templates::json_schema({&fields::kTemplate}), .outputs = {"name", "*"}};
}

Result<Observation> NoopProvider::observe(const ProviderResource& resource) {
  const auto thing = world_->find(resource.owner, resource.name);
  const WallTime now = clock_.wall();
  Observation seen;
  if (!thing) return seen;
  if (thing->absent_at > now) return progressing(reasons::kDeleting, thing->absent_at - now);
  seen.self = thing->self;
  if (thing->absent_at != kNever || thing->hash != resource.hash || thing->self != outputs(resource)) {
    seen.state = Observation::State::kOutOfDate;
    if (thing->hash == resource.hash) seen.message = "was changed by someone else";
    return seen;
  }
  Counts counts{.replicas = static_cast<unsigned>(number(resource, fields::kReplicas)),
                .restarts = static_cast<unsigned>(number(resource, fields::kRestarts))};
  if (thing->ready_at > now) {
    seen = progressing("", thing->ready_at - now);
    if (counts.replicas > 0) seen.counts = counts;
    return seen;
  }
  if (!thing->degraded) counts.ready = counts.replicas;
  if (counts.replicas > 0) seen.counts = counts;
  seen.state = thing->degraded ? Observation::State::kDegraded : Observation::State::kReady;
  if (thing->degraded) seen.reason = reasons::kProbeFailing;
  return seen;
}

Result<StepResult> NoopProvider::apply(const ProviderResource& resource, const Observation&) {
  const std::uint64_t tried = world_->count_apply(resource.name);
  if (const auto why = text(resource, fields::kInvalid); !why.empty())
    return fail(Code::kInvalid, reasons::kInvalidTemplate, why);
  const std::int64_t fail_times = number(resource, fields::kFailTimes);
  if (const auto why = text(resource, fields::kFail);
      !why.empty() && (fail_times == 0 || tried <= static_cast<std::uint64_t>(fail_times)))
    return fail(Code::kUnavailable, text(resource, fields::kFailReason), why);

  const WallTime now = clock_.wall();
  Thing thing = world_->find(resource.owner, resource.name).value_or(Thing{});
  const bool removed = thing.absent_at != kNever;
  if (!removed && thing.hash == resource.hash && thing.self == outputs(resource))
    return StepResult{.done = true};
  thing.owner = resource.owner;
  thing.name = resource.name;
  const auto steps = static_cast<std::uint64_t>(std::max<std::int64_t>(number(resource, fields::kSteps), 1));
  if (++thing.steps < steps) {
    const auto step = thing.steps;
    TRY(world_->put(std::move(thing)));
    return StepResult{.done = false, .message = "step " + std::to_string(step)};
  }
  thing.hash = resource.hash;
  thing.generation = resource.generation;
  thing.self = outputs(resource);
  thing.steps = 0;
  thing.ready_at = now + Millis(number(resource, fields::kDelayMs));
  thing.absent_at = kNever;
  const auto* degraded = field(resource, fields::kDegraded);
  thing.degraded = degraded && degraded->bool_value();
  ++thing.changes;
  TRY(world_->put(std::move(thing)));
  return StepResult{.done = true};
}

Result<StepResult> NoopProvider::remove(const ProviderResource& resource, const Observation&) {
  if (const auto why = text(resource, fields::kFailRemove); !why.empty())
    return fail(Code::kUnavailable, why);
  auto thing = world_->find(resource.owner, resource.name);
  if (!thing) return StepResult{.done = true};
  const WallTime now = clock_.wall();
  const Millis delay(number(resource, fields::kRemoveDelayMs));
  if (delay.count() == 0 || (thing->absent_at != kNever && thing->absent_at <= now)) {
    TRY(world_->erase(resource.owner, resource.name, resource.generation));
    return StepResult{.done = true};
  }
  if (thing->absent_at == kNever) {
    thing->absent_at = now + delay;
    thing->generation = resource.generation;
    TRY(world_->put(*thing));
  }
  return StepResult{.done = false, .recheck_after = thing->absent_at - now, .message = "being removed"};
}

std::shared_ptr<void> NoopProvider::watch(std::function<void(std::string)> changed) {
  // The world must live as long as someone watches it.
  auto handle = world_->watch(std::move(changed));
  return std::shared_ptr<void>(world_.get(), [world = world_, handle](void*) mutable { handle.reset(); });
}

Result<> NoopProvider::logs(const ProviderResource& resource, const LogWish& wish,
                            const std::function<bool(const LogLine&)>& sink) {
  const auto thing = world_->find(resource.owner, resource.name);
  if (!thing) return fail(Code::kNotFound, resource.name + " does not exist");
  if (wish.previous) return fail(Code::kNotFound, resource.name + " has no earlier run");
  std::vector<std::string> lines{"changes " + std::to_string(thing->changes)};
  std::istringstream log(text(resource, fields::kLog));
  for (std::string line; std::getline(log, line);) lines.push_back(line);
  if (wish.tail > 0 && lines.size() > wish.tail) lines.erase(lines.begin(), lines.end() - wish.tail);
  for (const auto& line : lines) {
    if (!sink({.source = resource.name, .data = line})) return {};
  }
  while (wish.follow && sink({})) std::this_thread::sleep_for(Millis(100));
  return {};
}

}  // namespace qleet::noop
