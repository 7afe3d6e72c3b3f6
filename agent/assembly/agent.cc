#include "agent/assembly/agent.h"

#include <algorithm>

#include "common/crypto/encoding.h"

namespace qleet::agent {
namespace {

// Of those that tell.
std::vector<qleet::v1::ProviderSchema> schemas_of(
    const std::map<std::string, std::shared_ptr<Provider>>& providers) {
  std::vector<qleet::v1::ProviderSchema> out;
  for (const auto& [name, provider] : providers) {
    auto told = provider->schema();
    if (told.template_.fields().empty()) continue;
    auto& schema = out.emplace_back();
    schema.set_provider(name);
    *schema.mutable_template_() = std::move(told.template_);
    schema.mutable_outputs()->Assign(told.outputs.begin(), told.outputs.end());
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::open(AgentOptions options, AgentSeams seams) {
  std::unique_ptr<Agent> agent(new Agent());
  EngineOptions engine_options;
  engine_options.agent = options.owner;
  engine_options.box_key = options.box.private_key;
  agent->engine_ = TRY(Engine::open(std::move(engine_options), {.journal = seams.journal,
                                                                .clock = seams.clock,
                                                                .random = seams.secrets,
                                                                .executor = seams.executor,
                                                                .wake = agent->wake_,
                                                                .providers = seams.providers,
                                                                .step_ended = seams.step_ended}));
  agent->desired_ = std::make_unique<EngineGateway>(*agent->engine_, EngineGateway::Caller::kOwnerThread);
  agent->logs_ = std::make_unique<EngineGateway>(*agent->engine_, EngineGateway::Caller::kOtherThread);

  SessionOptions session_options;
  session_options.agent = options.name;
  session_options.version = QLEET_VERSION;
  session_options.boot_id = agent->engine_->boot_id();
  session_options.providers = std::move(options.provider_names);
  session_options.schemas = schemas_of(seams.providers);
  if (!options.box.public_key.empty()) session_options.box_key = crypto::base64url(options.box.public_key);
  session_options.enrolled_epoch = options.enrolled_epoch;
  session_options.heartbeat = options.heartbeat;
  agent->session_ = std::make_unique<Session>(
      std::move(session_options),
      SessionSeams{.bus = seams.bus,
                   .clock = seams.clock,
                   .random = seams.jitter,
                   .desired = *agent->desired_,
                   .reports = agent->engine_->reports(),
                   .logs = agent->logs_.get(),
                   .trouble = [&engine = *agent->engine_] { return engine.trouble(); }});
  // One thread drives both: whichever has news wakes it.
  agent->session_->wake().set([&wake = agent->wake_] { wake(); });
  TRY(agent->session_->start());
  return agent;
}

Agent::~Agent() {
  if (session_) session_->wake().set({});
}

MonoTime Agent::step() {
  // What the hub says is stored first, then acted upon; what came of it is reported in the next step, for
  // which the reports wake.
  auto session_due = session_->step();
  engine_->hold(session_->superseded());
  const std::string trouble = engine_->trouble();
  const auto engine_due = engine_->step();
  if (engine_->trouble() != trouble) session_due = session_->step();
  return std::min(session_due, engine_due);
}

}  // namespace qleet::agent
