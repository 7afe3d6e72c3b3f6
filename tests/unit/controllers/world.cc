#include "tests/unit/controllers/world.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "common/model/keeping.h"
#include "hub/controllers/conditions.h"
#include "hub/controllers/deployments.h"
#include "hub/controllers/resources.h"
#include "hub/store/keys.h"

namespace qleet::hub::tests {
namespace {

using controllers::Work;

Random bits(crypto::Random& random) {
  return [&random] {
    std::uint64_t number = 0;
    for (const unsigned char byte : random.bytes(8)) number = number << 8 | byte;
    return number;
  };
}

// Resource -> when it is to be looked at.
std::map<std::string, std::int64_t> due_keys(const Reader& reader) {
  std::map<std::string, std::int64_t> due;
  const auto entries = reader.scan({.prefix = "x/unused/"}).value();
  for (const auto& entry : entries) {
    const auto parts = keys::segments(entry.key);
    EXPECT_TRUE(due.emplace(parts[3], std::stoll(std::string(parts[2]), nullptr, 16)).second) << entry.key;
  }
  return due;
}

// Name of what a key under "x/..." speaks of.
std::string segment(const std::string& key, size_t index) {
  return std::string(keys::segments(key).at(index));
}

}  // namespace

World::World(bool profiles) : own_store_(std::make_unique<MemoryStore>()), store(*own_store_) {
  begin(profiles ? QLEET_SOURCE_DIR "/profiles" : "");
}

World::World(Store& other, const std::string& profiles) : store(other) { begin(profiles); }

void World::begin(const std::string& profiles) {
  manager_ = std::make_unique<controllers::Manager>(store, clock, bits(random));
  const auto done = frontend::ensure_defaults(context(), profiles);
  if (!done) throw std::runtime_error(done.error().message);
  // Every region, whatever its labels.
  const auto opened = store.transact([&](Txn& txn) -> Result<> {
    auto environment = TRY(objects::get<v1::Environment>(txn, "default"));
    if (!environment) return {};
    environment->mutable_spec()->clear_regions();
    TRY(objects::put_spec(txn, *environment, {clock.wall(), bits(random)}));
    return {};
  });
  if (!opened) throw std::runtime_error(opened.error().message);
  settle();
}

v1::ApplyResult World::apply(const std::string& yaml) {
  const auto objects = model::decode(yaml);
  if (!objects) throw std::runtime_error(objects.error().message + ": " + yaml);
  auto result = frontend::apply(context(), caller, *objects);
  if (!result) throw std::runtime_error(result.error().message);
  return *result;
}

std::string World::refusal(const std::string& yaml) {
  const auto objects = model::decode(yaml);
  if (!objects) return "decode: " + objects.error().message;
  const auto result = frontend::apply(context(), caller, *objects);
  return result ? "" : result.error().message;
}

std::string World::erase(const std::string& kind, const std::string& name,
                         const frontend::EraseOptions& options) {
  const auto result = frontend::erase(context(), caller, *model::find_kind(kind), name, options);
  return result ? "" : result.error().message;
}

v1::DeliveryAnswers World::build(const std::string& image, const std::string& tag, char digest,
                                 const std::string& key) {
  v1::BuildSpec build;
  build.set_image(image);
  build.set_tag(tag);
  build.set_digest("sha256:" + std::string(64, digest));
  build.set_revision("rev-" + tag);
  auto answers = frontend::notify_build(context(), caller, build, {.idempotency_key = key});
  if (!answers) throw std::runtime_error(answers.error().message);
  return *answers;
}

void World::join(const std::string& region, const std::map<std::string, std::string>& labels) {
  v1::JoinTokenRequest request;
  request.set_region(region);
  for (const auto& [key, value] : labels) (*request.mutable_labels())[key] = value;
  const auto token = frontend::create_join_token(context(), caller, request);
  ASSERT_TRUE(token) << token.error().message;
  v1::EnrolRequest enrol;
  enrol.set_token(token->token());
  enrol.set_agent("agent-" + region);
  enrol.set_public_key("U" + region);
  const auto agent = frontend::redeem_join_token(context(), enrol);
  ASSERT_TRUE(agent) << agent.error().message;
  set_agent(region, "Connected");
}

void World::set_agent(const std::string& region, const std::string& state) {
  const auto done = store.transact([&](Txn& txn) -> Result<> {
    auto agent = *TRY(objects::get<v1::Agent>(txn, "agent-" + region));
    agent.mutable_status()->set_state(state);
    *agent.mutable_status()->mutable_since() = objects::timestamp(clock.wall());
    TRY(objects::put_status(txn, agent));
    return {};
  });
  ASSERT_TRUE(done);
}

// Says what the tags are that it is asked for, and runs nothing yet.
bool World::resolves_images(v1::Resource& resource) {
  auto& status = *resource.mutable_status();
  status.clear_images();
  if (tags.empty() || resource.spec().resolve_images().empty()) return false;
  const auto& score = resource.spec().template_().fields().at("score").struct_value().fields();
  for (const auto& [name, container] : score.at("containers").struct_value().fields()) {
    const auto& image = container.struct_value().fields().at("image").string_value();
    if (image.contains('@')) continue;
    const auto here = tags.find(resource.spec().region() + " " + image);
    (*status.mutable_images())[name] = image + "@" + (here == tags.end() ? tags.at(image) : here->second);
  }
  status.set_state("Progressing");
  controllers::set_condition(*status.mutable_conditions(),
                             {"Ready", false, "ResolvingImage", "waits for the hub"}, clock.wall());
  return true;
}

void World::count(v1::Resource& resource) const {
  if (resource.spec().type() != "workload") return;
  auto& status = *resource.mutable_status();
  const auto replicas = resource.spec().params().fields().find("replicas");
  status.set_replicas(replicas == resource.spec().params().fields().end()
                          ? 1
                          : static_cast<std::uint32_t>(replicas->second.number_value()));
  status.set_ready(status.state() == "Ready" ? status.replicas() : 0);
  for (const auto& [part, numbers] : counts) {
    if (resource.metadata().name().find(part) == std::string::npos) continue;
    if (status.state() != "Ready") status.set_ready(numbers.first);
    status.set_restarts(numbers.second);
  }
  status.set_updated(status.ready());
}

void World::look_again() {
  for (const auto& name : resources()) unheard_.insert(name);
  settle();
}

void World::restart() {
  manager_ = std::make_unique<controllers::Manager>(store, clock, bits(random));
  manager_->note_start();
  ASSERT_TRUE(manager_->resume());
  settle();
}

bool World::act_as_agents() {
  auto touched = std::move(unheard_);
  unheard_.clear();
  for (;;) {
    const auto changes = store.changes(agents_at_, 1000).value();
    if (changes.empty()) break;
    for (const auto& change : changes) {
      const auto object = objects::parse_key(change.key);
      if (object && object->kind->name == "Resource") touched.emplace(object->name);
    }
    agents_at_ = changes.back().revision;
  }
  bool acted = false;
  const auto done = store.transact([&](Txn& txn) -> Result<> {
    Work work{txn, {clock.wall(), bits(random)}};
    for (const auto& name : touched) {
      auto resource = TRY(objects::get<v1::Resource>(txn, name));
      if (!resource) continue;
      if (silent.contains(resource->spec().region())) {
        unheard_.insert(name);
        continue;
      }
      if (resource->spec().deleted()) {
        if (TRY(controllers::resource_gone(work, name, resource->metadata().generation()))) acted = true;
        continue;
      }
      auto& status = *resource->mutable_status();
      status.set_observed_generation(resource->metadata().generation());
      status.set_observed_hash(resource->spec().hash());
      if (resolves_images(*resource)) {
        if (TRY(objects::put_status(txn, *resource)) != objects::Written::kNothing) acted = true;
        continue;
      }
      controllers::ConditionValue ready{"Ready", true, "Available", ""};
      status.set_state("Ready");
      for (const auto& [part, why] : broken) {
        if (name.find(part) == std::string::npos) continue;
        ready = {"Ready", false, why.first, why.second};
        status.set_state("Stalled");
        status.set_attempts(5);
      }
      for (const auto& [part, why] : slow) {
        if (name.find(part) == std::string::npos) continue;
        ready = {"Ready", false, why.first, why.second};
        status.set_state("Progressing");
      }
      count(*resource);
      controllers::set_condition(*status.mutable_conditions(), ready, clock.wall());
      if (TRY(objects::put_status(txn, *resource)) != objects::Written::kNothing) acted = true;
    }
    return {};
  });
  EXPECT_TRUE(done) << done.error().message;
  return acted;
}

void World::settle() {
  for (int round = 0; round < 200; ++round) {
    const auto steps = manager_->run_until_idle(20'000);
    ASSERT_TRUE(steps) << steps.error().message;
    if (act_as_agents()) continue;
    check_told();
    return check_invariants(store);
  }
  FAIL() << "does not come to rest";
}

void World::pass(Millis time) {
  for (int step = 0; step < 10; ++step) {
    clock.advance(time / 10);
    settle();
  }
}

std::vector<std::string> World::resources() {
  std::vector<std::string> names;
  for (const auto& [name, hash] : snapshot()) names.push_back(name);
  return names;
}

Snapshot World::snapshot() {
  Snapshot all;
  const auto reader = store.snapshot().value();
  const auto stored = objects::list<v1::Resource>(*reader).value();
  for (const auto& resource : stored) {
    if (resource.spec().deleted()) continue;
    all[resource.metadata().name()] =
        resource.spec().hash() + (resource.status().has_unused_since() ? " unused" : "");
  }
  return all;
}

std::string World::state(const std::string& deployment) {
  const auto found = get<v1::Deployment>(deployment);
  if (!found) return "none";
  return fmt::format("{} {}", found->status().state(), found->status().release());
}

void World::expect_planned(const frontend::Operation& operation, const std::function<void()>& act) {
  settle();
  const auto planned = frontend::plan(context(), operation);
  ASSERT_TRUE(planned) << planned.error().message;
  std::set<std::string> said;
  for (const auto& place : planned->places()) {
    for (const auto& change : place.changes()) {
      const auto action = change.action() == "restart" ? std::string("change") : change.action();
      said.insert(action + " " + change.resource());
    }
  }
  const auto before = snapshot();
  act();
  settle();
  // Grace periods follow one another down the graph.
  for (int level = 0; level < 5; ++level) pass(std::chrono::minutes(11));
  const auto after = snapshot();
  std::set<std::string> done;
  for (const auto& [name, hash] : before) {
    const auto found = after.find(name);
    const bool was_unused = hash.ends_with(" unused");
    if (found == after.end()) {
      done.insert("remove " + name);
    } else if (found->second.ends_with(" unused")) {
      if (!was_unused) done.insert("retain " + name);
    } else if (was_unused) {
      done.insert("revive " + name);
    } else if (found->second != hash) {
      done.insert("change " + name);
    }
  }
  for (const auto& [name, hash] : after) {
    if (!before.contains(name)) done.insert("create " + name);
  }
  EXPECT_EQ(said, done) << planned->text();
}

// What was told region by region is what looking at all of them tells.
void World::check_told() {
  const auto deployments = objects::list<v1::Deployment>(*store.snapshot().value()).value();
  for (const auto& deployment : deployments) {
    const auto& name = deployment.metadata().name();
    // Whether what blocks it has gone is looked at when something touches it.
    if (deployment.status().state() == "Blocked") continue;
    v1::Deployment told;
    (void)store.transact([&](Txn& txn) -> Result<> {
      controllers::Work work{txn, {clock.wall(), [this] { return random.below(UINT64_MAX); }}};
      EXPECT_TRUE(controllers::refresh_deployment(work, name)) << name;
      told = objects::get<v1::Deployment>(txn, name).value().value_or(v1::Deployment());
      return fail(Code::kConflict, "only looked at");
    });
    EXPECT_EQ(told.status().ShortDebugString(), deployment.status().ShortDebugString()) << name;
  }
}

void check_invariants(const Store& store) {
  const auto reader = store.snapshot().value();
  std::set<std::pair<std::string, std::string>> refs;
  std::set<std::pair<std::string, std::string>> uses;
  std::set<std::string> needed;
  const auto ref_entries = reader->scan({.prefix = "x/ref/"}).value();
  for (const auto& entry : ref_entries) {
    refs.emplace(segment(entry.key, 2), segment(entry.key, 3));
    needed.insert(segment(entry.key, 2));
  }
  const auto use_entries = reader->scan({.prefix = "x/uses/"}).value();
  for (const auto& entry : use_entries) uses.emplace(segment(entry.key, 3), segment(entry.key, 2));
  EXPECT_EQ(refs, uses);
  std::map<std::string, int> positions;
  const auto position_entries = reader->scan({.prefix = "x/region-pos/"}).value();
  for (const auto& entry : position_entries) ++positions[segment(entry.key, 4)];
  const auto all = objects::list<v1::Resource>(*reader).value();
  for (const auto& resource : all) {
    const auto& name = resource.metadata().name();
    EXPECT_EQ(positions[name], 1) << name;
    EXPECT_EQ(resource.spec().hash().size(), 64u) << name;
    if (needed.contains(name)) {
      EXPECT_FALSE(resource.spec().deleted()) << name;
      EXPECT_FALSE(resource.status().has_unused_since()) << name;
    } else {
      EXPECT_TRUE(resource.spec().deleted() || resource.status().has_unused_since()) << name;
    }
    needed.erase(name);
  }
  const auto due = due_keys(*reader);
  for (const auto& resource : all) {
    const auto& name = resource.metadata().name();
    const auto& status = resource.status();
    const bool unused = status.has_unused_since() && !resource.spec().deleted();
    if (!unused) {
      EXPECT_FALSE(due.contains(name)) << name;
    } else if (!model::stays_unused(resource.spec())) {
      ASSERT_TRUE(due.contains(name)) << name;
      EXPECT_EQ(due.at(name), objects::wall_time(status.unused_since()).time_since_epoch().count() +
                                  resource.spec().when_unused().after_ms())
          << name;
    }
  }
  EXPECT_TRUE(needed.empty()) << "needed but missing: " << *needed.begin();
  EXPECT_EQ(positions.size(), all.size());
}

}  // namespace qleet::hub::tests
