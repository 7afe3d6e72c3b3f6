#include "tests/simulation/cloud.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/model/reasons.h"
#include "common/template/template.h"
#include "tests/simulation/crash.h"
#include "tests/simulation/universe.h"

namespace qleet::sim {

class CloudProvider final : public Provider {
 public:
  CloudProvider(Cloud& cloud, std::string name) : cloud_(cloud), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  Result<Observation> observe(const ProviderResource& r) override { return cloud_.observe(name_, r); }
  Result<StepResult> apply(const ProviderResource& r, const Observation&) override {
    return cloud_.apply(name_, r);
  }
  Result<StepResult> remove(const ProviderResource& r, const Observation&) override {
    return cloud_.remove(name_, r);
  }
  std::shared_ptr<void> watch(std::function<void(std::string)> changed) override {
    const auto id = ++cloud_.last_watcher_;
    cloud_.watchers_[id] = std::move(changed);
    return {&cloud_, [id](void* cloud) { static_cast<Cloud*>(cloud)->watchers_.erase(id); }};
  }

 private:
  Cloud& cloud_;
  const std::string name_;
};

namespace {

std::string content_of(const ProviderResource& r) {
  std::string text = templates::canonical(r.template_);
  for (const auto& [alias, outputs] : r.dependencies) {
    text += "|" + alias;
    for (const auto& [name, value] : outputs) text += ";" + name + "=" + value;
  }
  return text;
}

// Container -> image, as the template names it.
std::map<std::string, std::string> images_of(const google::protobuf::Struct& template_) {
  std::map<std::string, std::string> images;
  const auto score = template_.fields().find("score");
  if (score == template_.fields().end()) return images;
  const auto containers = score->second.struct_value().fields().find("containers");
  if (containers == score->second.struct_value().fields().end()) return images;
  for (const auto& [name, container] : containers->second.struct_value().fields()) {
    const auto image = container.struct_value().fields().find("image");
    if (image != container.struct_value().fields().end()) images[name] = image->second.string_value();
  }
  return images;
}

bool is_told_deaf(const google::protobuf::Struct& template_) {
  const auto score = template_.fields().find("score");
  if (score == template_.fields().end()) return false;
  return templates::canonical(score->second.struct_value()).contains(fmt::format("\"{}\"", Universe::kDeaf));
}

bool by_tag(const std::string& image) { return !image.contains('@'); }
std::string tag_of(const std::string& image) { return image.substr(0, image.find('@')); }

Observation progressing(std::string_view reason, Millis left) {
  Observation seen;
  seen.state = Observation::State::kProgressing;
  seen.reason = reason;
  seen.recheck_after = std::max(left, Millis(1));
  return seen;
}

}  // namespace

std::shared_ptr<Provider> Cloud::connect(const std::string& provider) {
  return std::make_shared<CloudProvider>(*this, provider);
}

Thing* Cloud::find(const Key& key) {
  const auto found = things_.find(key);
  if (found == things_.end()) return nullptr;
  if (found->second.absent_at && *found->second.absent_at <= clock_.mono()) {
    erase(key);
    return nullptr;
  }
  return hidden_.contains(key) ? nullptr : &found->second;
}

const Thing* Cloud::find(const std::string& name) const {
  const Thing* orphan = nullptr;
  for (const auto& [key, thing] : things_) {
    if (key.second != name) continue;
    if (!thing.orphan) return &thing;
    orphan = &thing;
  }
  return orphan;
}

void Cloud::journal_lost(const std::string& owner) {
  for (auto& [key, thing] : things_)
    if (thing.owner == owner) thing.marked_before_loss = thing.orphan = true;
}

void Cloud::journal_goes_on(const std::string& owner, const agent::JournalContents& journal) {
  for (auto& [key, thing] : things_) {
    if (thing.owner != owner) continue;
    const auto known = journal.desired.find(key.second);
    if (known == journal.desired.end() || known->second.resource().provider() != key.first)
      thing.orphan = true;
  }
}

void Cloud::journal_written(const agent::JournalChanges& changes) {
  for (const auto& [name, desired] : changes.desired) {
    if (!desired) continue;
    const auto thing = things_.find({desired->resource().provider(), name});
    if (thing != things_.end()) thing->second.orphan = false;
  }
}

void Cloud::leave(const std::string& name) {
  for (auto& [key, thing] : things_)
    if (key.second == name) thing.orphan = true;
}

void Cloud::set_copied(const std::string& owner, bool copied) {
  if (copied)
    copied_.insert(owner);
  else
    copied_.erase(owner);
}

void Cloud::tell(const std::string& name) {
  if (trouble_.mute_permille > 0 && dice_.permille(trouble_.mute_permille)) return;
  for (const auto& [id, changed] : watchers_) changed(name);
}

Millis Cloud::some_time() {
  const auto kind = dice_.below(10);
  return Millis(static_cast<Millis::rep>(kind < 6 ? 0 : kind < 9 ? dice_.below(3'000) : dice_.below(30'000)));
}

std::string Cloud::content_of_tag(const std::string& image) {
  return fmt::format("{}@sha256:{:064x}", image,
                     std::hash<std::string>()(image) / 1000 * 1000 + pushes_[image] % 1000);
}

void Cloud::push_again() {
  if (pushes_.empty()) return;
  auto& [tag, pushes] = dice_.pick(pushes_);
  trace_.note("pushed again", tag, ++pushes);
}

std::map<std::string, std::string> Cloud::resolved(const ProviderResource& r, const Thing* thing) {
  std::map<std::string, std::string> found;
  if (r.resolve_images == ResolveImages::kAsNamed) return found;
  for (const auto& [container, image] : images_of(r.template_)) {
    if (!by_tag(image)) continue;
    const bool runs =
        thing && thing->images.contains(container) && tag_of(thing->images.at(container)) == image;
    found[container] = runs && r.resolve_images == ResolveImages::kOnce ? thing->images.at(container)
                                                                        : content_of_tag(image);
  }
  return found;
}

Result<> Cloud::interfere(std::string_view call, const ProviderResource& r) {
  if (outage_) return fail(Code::kUnavailable, "the cloud does not answer");
  if (trouble_.crash_permille > 0 && dice_.permille(trouble_.crash_permille)) throw AgentCrash();
  if (trouble_.fail_permille > 0 && dice_.permille(trouble_.fail_permille)) {
    trace_.note("cloud fails", call, r.name);
    return fail(Code::kUnavailable, fmt::format("{}: try again later", call));
  }
  return {};
}

Result<Observation> Cloud::observe(const std::string& provider, const ProviderResource& r) {
  TRY(interfere("observe", r));
  Observation seen;
  if (sabotage_ == Sabotage::kLyingProvider && r.type == "volume") {
    seen.state = Observation::State::kReady;
    seen.self = {{"name", r.name}, {"address", "nowhere"}};
    return seen;
  }
  const Thing* thing = find(Key{provider, r.name});
  const auto images = resolved(r, thing);
  if (!images.empty() && sabotage_ != Sabotage::kHastyAgent && (!thing || !thing->absent_at)) {
    seen = progressing(reasons::kResolvingImage, Millis(30'000));
    seen.images = images;
    return seen;
  }
  if (!thing) return seen;
  const MonoTime now = clock_.mono();
  if (thing->absent_at) return progressing(reasons::kDeleting, *thing->absent_at - now);
  seen.self = {{"name", thing->name}, {"address", thing->address}};
  if (thing->half || thing->drifted || thing->hash != r.hash) {
    seen.state = Observation::State::kOutOfDate;
    return seen;
  }
  if (thing->ready_at > now) return progressing("", thing->ready_at - now);
  if (thing->deaf) return progressing("", Millis(30'000));
  if (sabotage_ == Sabotage::kNeedlessApply && !sabotaged_ && r.type == "workload") {
    sabotaged_ = true;
    // Marked for something else although it is as wanted: the engine has to make it anew.
    find(Key{provider, r.name})->hash = "other";
    seen.state = Observation::State::kOutOfDate;
    return seen;
  }
  seen.state = thing->degraded ? Observation::State::kDegraded : Observation::State::kReady;
  if (thing->degraded) seen.reason = reasons::kProbeFailing;
  if (!thing->degraded) {
    ready_.emplace(r.name, r.generation);
    check_secret(r);
  }
  return seen;
}

Result<StepResult> Cloud::apply(const std::string& provider, const ProviderResource& r) {
  TRY(interfere("apply", r));
  Thing* before = find(Key{provider, r.name});
  if (before && before->absent_at)
    return StepResult{
        .done = false, .recheck_after = *before->absent_at - clock_.mono(), .message = "is being removed"};
  if (sabotage_ != Sabotage::kHastyAgent && !resolved(r, before).empty())
    return StepResult{.done = false, .recheck_after = Millis(2'000), .message = "waits for digests"};
  auto result = make(provider, r, before);
  if (trouble_.lost_permille > 0 && dice_.permille(trouble_.lost_permille))
    return fail(Code::kDeadline, "nobody knows whether it was applied");
  return result;
}

Result<StepResult> Cloud::make(const std::string& provider, const ProviderResource& r, Thing* before) {
  const std::string content = content_of(r);
  if (before && !before->half && !before->drifted && before->hash == r.hash) return StepResult{.done = true};
  // The same, which a new journal marks by its own key.
  if (before && !before->half && !before->drifted && before->content == content &&
      std::exchange(before->marked_before_loss, false)) {
    trace_.note("cloud marks", provider, r.name, r.generation);
    ++acts_;
    before->hash = r.hash;
    return StepResult{.done = true};
  }
  if (before && !before->half && !before->drifted && before->content == content)
    findings_.add(Rule::kRestart, fmt::format("{} is made anew, although nothing of it changed", r.name));
  ++acts_;
  if (sabotage_ == Sabotage::kTrampling) trample(provider, r.name);
  if (!before) {
    Thing thing;
    thing.owner = r.owner;
    thing.name = r.name;
    thing.provider = provider;
    thing.made_at = clock_.mono();
    thing.orphan = copied(r.owner) && !wanted(provider, r.name);
    thing.address = fmt::format("10.0.0.{}", ++last_address_);
    before = &things_.insert_or_assign(Key{provider, r.name}, std::move(thing)).first->second;
    hidden_.erase(Key{provider, r.name});
    if (trouble_.half_permille > 0 && dice_.permille(trouble_.half_permille)) {
      before->half = true;
      trace_.note("cloud half", provider, r.name);
      if (dice_.percent(50)) throw AgentCrash();
      return fail(Code::kUnavailable, "half of it was made");
    }
    trace_.note("cloud makes", provider, r.name, r.generation);
  } else {
    trace_.note("cloud changes", provider, r.name, r.generation);
  }
  before->hash = r.hash;
  before->marked_before_loss = false;
  before->generation = r.generation;
  before->content = content;
  before->template_ = r.template_;
  before->inputs = r.dependencies;
  before->images = images_of(r.template_);
  for (auto& [container, image] : before->images) {
    if (by_tag(image)) findings_.add(Rule::kContent, fmt::format("{} runs {} by its tag", r.name, image));
    if (by_tag(image) || sabotage_ == Sabotage::kFloatingTag) image = content_of_tag(tag_of(image));
  }
  before->half = false;
  before->drifted = false;
  before->ready_at = clock_.mono() + some_time();
  before->deaf = is_told_deaf(r.template_) || (sabotage_ == Sabotage::kDeafProvider && r.type == "host");
  lay_data(r);
  lost_.erase(Key{provider, r.name});
  tell(r.name);
  return StepResult{.done = true};
}

// Where a database keeps its data; null: it is none, or its disk is not there.
Thing* Cloud::disk_of(const ProviderResource& r) {
  const auto data = r.dependencies.find("data");
  if (!r.template_.fields().contains("password") || data == r.dependencies.end()) return nullptr;
  return const_cast<Thing*>(std::as_const(*this).find(data->second.at("name")));
}

// The first one to start on a disk makes its data with its secret. Others find the data as it is.
void Cloud::lay_data(const ProviderResource& r) {
  Thing* disk = disk_of(r);
  if (!disk || !disk->opened_by.empty()) return;
  disk->opened_by = r.template_.fields().at("password").string_value();
  disk->contested = copied_.contains(r.owner);
}

void Cloud::check_secret(const ProviderResource& r) {
  const Thing* disk = disk_of(r);
  if (!disk || disk->contested || disk->opened_by.empty() ||
      disk->opened_by == r.template_.fields().at("password").string_value())
    return;
  findings_.add(Rule::kSecret, fmt::format("{} is ready with a secret that does not open its data in {}",
                                           r.name, disk->name));
}

// Sabotage: the first neighbour that is not being removed.
void Cloud::trample(const std::string& provider, const std::string& spared) {
  for (const auto& [key, thing] : things_) {
    if (key.first != provider || thing.name == spared || thing.absent_at) continue;
    if (may_delete && !may_delete(thing, 0))
      findings_.add(Rule::kWrongDelete, fmt::format("{} is deleted with {}", thing.name, spared));
    erase(Key(key));
    return;
  }
}

Result<StepResult> Cloud::remove(const std::string& provider, const ProviderResource& r) {
  TRY(interfere("remove", r));
  const Key key{provider, r.name};
  Thing* thing = find(key);
  if (!thing) return StepResult{.done = true};
  if (!thing->absent_at) {
    if (!may_delete(*thing, r.generation))
      findings_.add(Rule::kWrongDelete, fmt::format("{} is deleted at generation {}, which nobody stated so",
                                                    r.name, r.generation));
    trace_.note("cloud removes", provider, r.name, r.generation);
    if (sabotage_ == Sabotage::kLeakyCloud) {
      hidden_.insert(key);
      return StepResult{.done = true};
    }
    ++acts_;
    const Millis wait = some_time();
    if (wait > Millis(0)) {
      thing->absent_at = clock_.mono() + wait;
    } else {
      erase(key);
    }
    tell(r.name);
  }
  if (trouble_.lost_permille > 0 && dice_.permille(trouble_.lost_permille))
    return fail(Code::kDeadline, "nobody knows whether it was removed");
  thing = find(key);
  if (!thing) return StepResult{.done = true};
  return StepResult{
      .done = false, .recheck_after = *thing->absent_at - clock_.mono(), .message = "is being removed"};
}

void Cloud::erase(const Key& key) { things_.erase(key); }

bool Cloud::meddle() {
  if (things_.empty()) return false;
  auto& [key, thing] = dice_.pick(things_);
  if (thing.absent_at) return false;
  const std::string name = thing.name;
  switch (dice_.below(3)) {
    case 0:
      trace_.note("somebody destroys", name);
      if (!thing.half) lost_[key] = thing;
      erase(Key(key));
      break;
    case 1:
      trace_.note("somebody changes", name);
      thing.drifted = true;
      break;
    default:
      trace_.note("somebody overloads", name);
      thing.degraded = true;
      break;
  }
  tell(name);
  return true;
}

void Cloud::heal() {
  for (auto& [key, thing] : things_) {
    if (!thing.degraded) continue;
    thing.degraded = false;
    tell(thing.name);
  }
}

void Cloud::put_back(const std::function<bool(const std::string&)>& missed) {
  for (auto it = lost_.begin(); it != lost_.end();) {
    auto next = std::next(it);
    if (things_.contains(it->first)) {
      lost_.erase(it);
    } else if (missed(it->second.name)) {
      trace_.note("somebody puts back", it->second.name);
      it->second.degraded = false;
      const std::string name = it->second.name;
      things_.insert(lost_.extract(it));
      tell(name);
    }
    it = next;
  }
}

}  // namespace qleet::sim
