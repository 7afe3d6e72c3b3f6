#include "hub/dispatch/sync_answer.h"

#include <charconv>

#include "common/sync/accept.h"
#include "common/sync/batch.h"
#include "common/sync/limits.h"
#include "common/sync/manifest.h"
#include "hub/dispatch/messages.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "hub/store/resource_sketch.h"

namespace qleet::hub {
namespace {

using wire::v1::DesiredResource;
using wire::v1::SyncBatch;
using wire::v1::SyncRequest;

constexpr size_t kPage = 500;
constexpr size_t kLongestName = 253;

struct Answer {
  std::vector<DesiredResource> resources;
  std::vector<std::string> unclaimed;
  std::uint64_t position = 0;
  bool more = false;
  std::string covered_until;
};

// Everything behind `position`, oldest change first, whole revisions only.
Result<Answer> changes_behind(const Reader& reader, const SyncContext& context, std::uint64_t position) {
  Answer answer;
  answer.position = position;
  const std::string prefix = keys::below("x/region-pos", context.region);
  // '~' comes behind everything that a name may hold.
  Range range{prefix, prefix + keys::hex16(position) + "/~", kPage};
  size_t bytes = 0;
  for (;;) {
    const auto page = TRY(reader.scan(range));
    for (const auto& entry : page) {
      const auto parts = keys::segments(entry.key);
      Revision revision = 0;
      std::from_chars(parts[3].data(), parts[3].data() + parts[3].size(), revision, 16);
      if (revision != answer.position &&
          (answer.resources.size() >= context.limits.max_resources || bytes >= context.limits.max_bytes)) {
        answer.more = true;
        return answer;
      }
      answer.position = revision;
      const std::string key = keys::object("resources", parts[4]);
      const auto object = TRY(reader.get(key));
      if (!object) continue;  // an index entry without its object states nothing
      auto read = desired(key, object->value, context.recipient);
      if (!read) {
        objects::log_left_out(*object, read.error());
        continue;
      }
      auto& resource = *read;
      if (!resource) continue;
      bytes += resource->ByteSizeLong();
      answer.resources.push_back(*std::move(resource));
    }
    if (page.size() < kPage) return answer;
    range.after = page.back().key;
  }
}

Result<Answer> manifest_differences(const Reader& reader, const SyncContext& context,
                                    const SyncRequest& request) {
  const sync::NameRange names{request.range_after(), request.range_until()};
  if (names.after.size() > kLongestName || names.until.size() > kLongestName)
    return fail(Code::kInvalid, "range_after and range_until are names of resources");
  if (!names.until.empty() && names.until <= names.after)
    return fail(Code::kInvalid, "range_until must come behind range_after");
  sync::Manifest held;
  for (const auto& entry : request.held()) {
    if (!names.contains(entry.name()))
      return fail(Code::kInvalid, "held names " + entry.name() + ", which is outside of the range");
    held[entry.name()] = {entry.generation(), entry.hash(),
                          entry.epoch().empty() ? request.epoch() : entry.epoch(), false, entry.uid()};
    if (entry.disowned()) held[entry.name()].epoch.clear();
  }

  // Both in order of names, side by side, no further than one answer goes.
  Answer answer;
  answer.position = context.view.position;
  auto mine = held.upper_bound(names.after);
  const auto pass_over = [&](std::string_view name) {
    for (; mine != held.end() && mine->first < name; ++mine) answer.unclaimed.push_back(mine->first);
  };
  const std::string objects = "o/resources/";
  const std::string prefix = objects + context.region + ".";
  Range range{prefix, std::max(prefix, objects + names.after), kPage};
  size_t bytes = 0;
  for (bool more = true; more;) {
    const auto page = TRY(reader.scan(range));
    more = page.size() == kPage;
    for (const auto& entry : page) {
      const auto read = sketch(entry.value);
      // It states nothing: what the agent holds of it is unclaimed.
      if (!read) {
        objects::log_left_out(entry, read.error());
        continue;
      }
      const auto& wanted = *read;
      if (!names.until.empty() && wanted.name > names.until) {
        more = false;
        break;
      }
      pass_over(wanted.name);
      const bool held_too = mine != held.end() && mine->first == wanted.name;
      const bool same =
          held_too &&
          sync::same_entry(mine->second, {wanted.generation, std::string(wanted.hash), context.identity.epoch,
                                          false, std::string(wanted.uid)});
      if (held_too) ++mine;
      if (same) continue;
      if (answer.resources.size() >= context.limits.max_resources || bytes >= context.limits.max_bytes) {
        answer.more = true;
        answer.covered_until = answer.resources.back().name();
        std::erase_if(answer.unclaimed, [&](const auto& other) { return other > answer.covered_until; });
        return answer;
      }
      auto resource = TRY(desired(entry.key, entry.value, context.recipient));
      if (!resource) continue;
      bytes += resource->ByteSizeLong();
      answer.resources.push_back(*std::move(resource));
    }
    if (!page.empty()) range.after = page.back().key;
  }
  for (; mine != held.end(); ++mine) answer.unclaimed.push_back(mine->first);
  return answer;
}

SyncBatch new_batch(const SyncContext& context, const Answer& answer) {
  SyncBatch batch;
  batch.set_protocol(sync::kProtocolMax);
  put_identity(context.identity, batch);
  batch.set_position(answer.position);
  return batch;
}

std::vector<SyncBatch> pack_batches(const SyncContext& context, Answer answer) {
  std::vector<size_t> sizes;
  sizes.reserve(answer.resources.size());
  for (const auto& resource : answer.resources) sizes.push_back(resource.ByteSizeLong() + 8);
  std::vector<SyncBatch> batches;
  for (const auto& slice : sync::pack(sizes, sync::kFillBytes)) {
    batches.push_back(new_batch(context, answer));
    for (size_t i = slice.begin; i < slice.end; ++i)
      *batches.back().add_resources() = std::move(answer.resources[i]);
  }
  sizes.clear();
  for (const auto& name : answer.unclaimed) sizes.push_back(name.size() + 8);
  for (const auto& slice : sync::pack(sizes, sync::kFillBytes)) {
    batches.push_back(new_batch(context, answer));
    for (size_t i = slice.begin; i < slice.end; ++i)
      batches.back().add_unclaimed(std::move(answer.unclaimed[i]));
  }
  if (batches.empty()) batches.push_back(new_batch(context, answer));
  for (size_t i = 0; i < batches.size(); ++i) batches[i].set_index(static_cast<std::uint32_t>(i));
  batches.back().set_last(true);
  batches.back().set_more(answer.more);
  batches.back().set_covered_until(answer.covered_until);
  if (!answer.more) batches.back().set_digest(context.view.digest.bytes());
  return batches;
}

}  // namespace

Result<std::vector<SyncBatch>> answer_sync(const Reader& reader, const SyncContext& context,
                                           const SyncRequest& request) {
  const bool same_epoch = request.epoch() == context.identity.epoch;
  if (request.manifest() && same_epoch)
    return pack_batches(context, TRY(manifest_differences(reader, context, request)));
  auto answer = TRY(changes_behind(reader, context, same_epoch ? request.position() : 0));
  return pack_batches(context, std::move(answer));
}

SyncBatch enter_sync(const StoreIdentity& identity) {
  SyncBatch batch;
  batch.set_protocol(sync::kProtocolMax);
  put_identity(identity, batch);
  batch.set_last(true);
  batch.set_more(true);
  return batch;
}

SyncBatch refuse_sync(const StoreIdentity& identity, std::string_view code, std::string_view why) {
  SyncBatch batch;
  batch.set_protocol(sync::kProtocolMax);
  put_identity(identity, batch);
  batch.set_last(true);
  batch.set_refused(std::string(why));
  batch.set_refused_code(std::string(code));
  return batch;
}

}  // namespace qleet::hub
