#include "hub/dispatch/desired_index.h"

#include <charconv>

#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "hub/store/resource_sketch.h"

namespace qleet::hub {
namespace {

constexpr std::string_view kResources = "o/resources/";
constexpr std::string_view kPositions = "x/region-pos";
constexpr size_t kPage = 1000;

template <class Each>
Result<> for_each(const Reader& reader, std::string prefix, Each each) {
  Range range{std::move(prefix), "", kPage};
  for (;;) {
    auto page = TRY(reader.scan(range));
    for (auto& entry : page) TRY(each(entry));
    if (page.size() < kPage) return {};
    range.after = page.back().key;
  }
}

struct Position {
  Revision revision = 0;
  std::string resource;
};

// Of "x/region-pos/<region>/<revision, 16 hex>/<resource>".
Result<Position> parse_position(std::string_view key) {
  const auto parts = keys::segments(key);
  Position position;
  if (parts.size() != 5 ||
      std::from_chars(parts[3].data(), parts[3].data() + parts[3].size(), position.revision, 16).ec !=
          std::errc{})
    return fail(Code::kInternal, "key " + std::string(key) + " is malformed");
  position.resource = parts[4];
  return position;
}

Result<ResourceSketch> read(std::string_view key, std::string_view value) {
  auto resource = sketch(value);
  if (!resource) return std::unexpected(wrap(std::move(resource).error(), std::string(key)));
  return *resource;
}

sync::Digest digest_of(const ResourceSketch& resource) {
  return sync::entry_digest(resource.name, resource.uid, resource.generation, resource.hash);
}

}  // namespace

Result<std::vector<SpecChange>> DesiredIndex::build(const Reader& reader, const std::string& name,
                                                    Revision followed, MonoTime now) {
  Region region;
  region.built_at = reader.revision();
  TRY(for_each(reader, std::string(kResources) + name + ".", [&](const Entry& entry) -> Result<> {
    const auto resource = read(entry.key, entry.value);
    // It states nothing: its agent keeps what it has of it, as unclaimed.
    if (!resource) {
      objects::log_left_out(entry, resource.error());
      return {};
    }
    const auto digest = digest_of(*resource);
    region.entries.emplace(resource->name, digest);
    region.view.digest.add(digest);
    return {};
  }));
  region.view.resources = region.entries.size();

  // What stands behind `followed` is told from the position before it. All that ever changed in between
  // either stands there still, or has changed again and stands further on: nothing is left out.
  std::vector<SpecChange> changes;
  TRY(for_each(reader, keys::below(kPositions, name), [&](const Entry& entry) -> Result<> {
    auto position = TRY(parse_position(entry.key));
    const Revision previous = std::exchange(region.view.position, position.revision);
    if (position.revision <= followed) return {};
    auto object = TRY(reader.get(keys::object("resources", position.resource)));
    // An index entry without its object states nothing.
    if (object)
      changes.push_back(
          {name, std::move(position.resource), position.revision, previous, std::move(object->value)});
    return {};
  }));
  if (!changes.empty()) region.view.changed_at = now;

  const MutexLock lock(mutex_);
  regions_.insert_or_assign(name, std::move(region));
  wanted_.erase(name);
  return changes;
}

Result<std::optional<SpecChange>> DesiredIndex::apply(const Change& change, MonoTime now) {
  if (!change.key.starts_with(kResources)) return std::nullopt;
  const auto parsed = read(change.key, change.value);
  if (!parsed) {
    forget_resource(std::string(keys::last(change.key)), change.revision, now);
    return std::unexpected(parsed.error());
  }
  const auto& resource = *parsed;

  const MutexLock lock(mutex_);
  const auto known = regions_.find(resource.region);
  if (known == regions_.end() || change.revision <= known->second.built_at) return std::nullopt;
  Region& region = known->second;
  const std::string name(resource.name);
  const auto held = region.entries.find(name);
  if (change.erased) {
    if (held == region.entries.end()) return std::nullopt;
    region.view.digest.remove(held->second);
    region.entries.erase(held);
    region.view.resources = region.entries.size();
    region.view.changed_at = now;
    return std::nullopt;
  }
  const auto digest = digest_of(resource);
  if (held != region.entries.end()) {
    if (held->second == digest) return std::nullopt;
    region.view.digest.remove(held->second);
    held->second = digest;
  } else {
    region.entries.emplace(name, digest);
  }
  region.view.digest.add(digest);
  region.view.resources = region.entries.size();
  region.view.changed_at = now;
  const Revision previous = std::exchange(region.view.position, change.revision);
  return SpecChange{std::string(resource.region), name, change.revision, previous, change.value};
}

void DesiredIndex::forget_resource(const std::string& name, Revision revision, MonoTime now) {
  const MutexLock lock(mutex_);
  const auto known = regions_.find(name.substr(0, name.find('.')));
  // What the region was built from is newer, and could be read.
  if (known == regions_.end() || revision <= known->second.built_at) return;
  Region& region = known->second;
  const auto held = region.entries.find(name);
  if (held == region.entries.end()) return;
  region.view.digest.remove(held->second);
  region.entries.erase(held);
  region.view.resources = region.entries.size();
  region.view.changed_at = now;
}

void DesiredIndex::forget() {
  const MutexLock lock(mutex_);
  regions_.clear();
}

std::set<std::string> DesiredIndex::take_asked() {
  const MutexLock lock(mutex_);
  return std::exchange(wanted_, {});
}

std::optional<RegionView> DesiredIndex::region(std::string_view name) const {
  const MutexLock lock(mutex_);
  const auto it = regions_.find(name);
  if (it == regions_.end()) return std::nullopt;
  return it->second.view;
}

std::optional<RegionView> DesiredIndex::ask(std::string_view name) {
  {
    const MutexLock lock(mutex_);
    const auto it = regions_.find(name);
    if (it != regions_.end()) return it->second.view;
    if (!wanted_.emplace(name).second) return std::nullopt;
  }
  asked_();
  return std::nullopt;
}

size_t DesiredIndex::regions() const {
  const MutexLock lock(mutex_);
  return regions_.size();
}

Result<bool> changed_after(const Reader& reader, std::string_view region, Revision revision) {
  const std::string prefix = keys::below(kPositions, region);
  // '~' comes behind everything that a name may hold.
  const auto next = TRY(reader.scan({prefix, prefix + keys::hex16(revision) + "/~", 1}));
  return !next.empty();
}

}  // namespace qleet::hub
