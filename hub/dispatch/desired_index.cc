#include "hub/dispatch/desired_index.h"

#include <charconv>

#include "hub/store/keys.h"
#include "hub/store/resource_sketch.h"

namespace qleet::hub {
namespace {

constexpr std::string_view kResources = "o/resources/";
constexpr std::string_view kPositions = "x/region-pos/";
constexpr size_t kPage = 1000;

template <class Each>
Result<> for_each(const Reader& reader, std::string_view prefix, Each each) {
  Range range{std::string(prefix), "", kPage};
  for (;;) {
    auto page = TRY(reader.scan(range));
    for (auto& entry : page) TRY(each(entry));
    if (page.size() < kPage) return {};
    range.after = page.back().key;
  }
}

// Of "x/region-pos/<region>/<revision, 16 hex>/<resource>".
Result<std::pair<std::string, Revision>> parse_position(std::string_view key) {
  const auto parts = keys::segments(key);
  Revision revision = 0;
  if (parts.size() != 5 ||
      std::from_chars(parts[3].data(), parts[3].data() + parts[3].size(), revision, 16).ec != std::errc{})
    return fail(Code::kInternal, "key " + std::string(key) + " is malformed");
  return std::pair{std::string(parts[2]), revision};
}

}  // namespace

DesiredIndex::Region& DesiredIndex::region_in(Regions& regions, std::string_view name) {
  const auto found = regions.find(name);
  return found != regions.end() ? found->second : regions[std::string(name)];
}

Result<std::vector<std::string>> DesiredIndex::rebuild(const Reader& reader, MonoTime now) {
  Regions regions;
  TRY(for_each(reader, kResources, [&](const Entry& entry) -> Result<> {
    auto resource = sketch(entry.value);
    if (!resource) return std::unexpected(wrap(std::move(resource).error(), entry.key));
    const auto digest =
        sync::entry_digest(resource->name, resource->uid, resource->generation, resource->hash);
    Region& region = region_in(regions, resource->region);
    region.entries.emplace(resource->name, digest);
    region.view.digest.add(digest);
    return {};
  }));
  TRY(for_each(reader, kPositions, [&](const Entry& entry) -> Result<> {
    const auto [region, revision] = TRY(parse_position(entry.key));
    auto& position = regions[region].view.position;
    position = std::max(position, revision);
    return {};
  }));

  std::lock_guard lock(mutex_);
  std::vector<std::string> changed;
  for (auto& [name, region] : regions) {
    region.view.resources = region.entries.size();
    const auto old = regions_.find(name);
    const bool same = old != regions_.end() && old->second.view.digest == region.view.digest &&
                      old->second.view.position == region.view.position;
    region.view.changed_at = same ? old->second.view.changed_at : now;
    if (!same) changed.push_back(name);
  }
  regions_ = std::move(regions);
  return changed;
}

Result<std::optional<SpecChange>> DesiredIndex::apply(const Change& change, MonoTime now) {
  if (!change.key.starts_with(kResources)) return std::nullopt;
  auto parsed = sketch(change.value);
  if (!parsed) return std::unexpected(wrap(std::move(parsed).error(), change.key));
  const ResourceSketch& resource = *parsed;

  std::lock_guard lock(mutex_);
  Region& region = region_in(regions_, resource.region);
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
  const auto digest = sync::entry_digest(resource.name, resource.uid, resource.generation, resource.hash);
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

RegionView DesiredIndex::region(std::string_view name) const {
  std::lock_guard lock(mutex_);
  const auto it = regions_.find(name);
  return it == regions_.end() ? RegionView{} : it->second.view;
}

std::vector<std::string> DesiredIndex::regions_changed_after(Revision revision) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, region] : regions_)
    if (region.view.position > revision) names.push_back(name);
  return names;
}

size_t DesiredIndex::resources() const {
  std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& [name, region] : regions_) count += region.entries.size();
  return count;
}

}  // namespace qleet::hub
