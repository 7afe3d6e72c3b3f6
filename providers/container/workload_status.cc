#include "providers/container/workload_status.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/model/image_name.h"
#include "common/model/reasons.h"
#include "providers/container/ended.h"
#include "providers/container/images.h"
#include "providers/container/names.h"

namespace qleet::container {

namespace {

using State = Observation::State;

std::map<std::string, std::string> self_of(const ProviderResource& resource, const WorkloadScene& scene) {
  std::map<std::string, std::string> self{{"address", base_name(resource)}, {"network", scene.network}};
  if (!scene.spec.containers.empty()) self["image"] = scene.spec.containers.front().process.image;
  unsigned ready = 0;
  for (std::size_t i = 0; i < scene.replicas.size(); ++i) {
    if (!scene.replicas[i].ready || scene.views[i].draining) continue;
    ++ready;
    for (const auto& port : scene.replicas[i].spec.ports) {
      auto& list = self["endpoints." + port.name];
      list += fmt::format("{}{}:{}", list.empty() ? "" : ",", scene.replicas[i].ip, port.target);
    }
  }
  self["ready"] = std::to_string(ready);
  return self;
}

// Of an image that the wanted version needs: what its pull is at, or has ended with.
void describe_pull(Context& context, const WorkloadScene& scene, Observation& out) {
  for (const auto& container : scene.spec.containers) {
    const auto pull = context.jobs().look("pull " + container.process.image);
    if (pull.running) {
      out.reason = reasons::kCreating;
      out.message = fmt::format("pulling image {}", container.process.image);
      return;
    }
    if (pull.error) {
      out.reason = pull.error->reason;
      out.message = pull.error->message;
    }
  }
}

Counts count(const WorkloadScene& scene) {
  Counts out{.replicas = scene.spec.replicas};
  for (std::size_t i = 0; i < scene.replicas.size(); ++i) {
    const auto& replica = scene.replicas[i];
    if (replica.ready && !scene.views[i].draining) ++out.ready;
    if (!replica.current) continue;
    for (const auto& part : replica.parts) out.restarts += part.restarts;
  }
  return out;
}

}  // namespace

std::string waits_for_hub(const std::map<std::string, std::string>& images) {
  std::string found;
  for (const auto& [container, image] : images) {
    const auto name = model::split_image(image);
    found += (found.empty() ? "" : ", ") + name.repository + (name.tag.empty() ? "" : ":" + name.tag);
  }
  return found.empty() ? "waits for the hub to choose its images"
                       : fmt::format("waits for the hub to choose the image of {}", found);
}

Observation describe(Context& context, const ProviderResource& resource, const WorkloadScene& scene) {
  Observation out;
  out.counts = count(scene);
  const unsigned wanted = scene.spec.replicas;
  unsigned ready = 0;
  unsigned old = 0;
  const Replica* trouble = nullptr;
  for (const auto& replica : scene.replicas) {
    if (!replica.current) {
      ++old;
    } else if (replica.ready) {
      ++ready;
    } else {
      if (!trouble) trouble = &replica;
      out.stalled = out.stalled || std::ranges::any_of(replica.parts, [](const Part& part) {
                      return tried_in_vain(part.restarts, part.was_ready);
                    });
    }
  }
  out.updated = ready;
  if (scene.replicas.empty() && wanted > 0) {
    if (context.mounts().has(base_name(resource))) out.state = State::kOutOfDate;  // its files still are
    describe_pull(context, scene, out);
    if (out.message.starts_with("pulling")) out.state = State::kProgressing;
    return out;
  }
  out.self = self_of(resource, scene);
  // One that is still kept from requests, after a removal that was taken back, is ready and does not serve.
  if (ready == wanted && old == 0 && scene.replicas.size() == wanted && scene.moves.empty()) {
    out.state = State::kReady;
    out.message = fmt::format("{} of {}", ready, wanted);
    return out;
  }
  out.reason = old > 0 ? reasons::kUpdating : reasons::kCreating;
  bool was_ready = false;  // the one that is in trouble
  Millis wait{0};
  if (trouble) {
    out.reason = trouble->reason;
    out.message = trouble->message;
    was_ready = std::ranges::all_of(trouble->parts, &Part::was_ready);
    for (const auto& part : trouble->parts) {
      wait = std::max(wait, context.restarts().remaining(part.details.name));
    }
  } else {
    describe_pull(context, scene, out);
  }
  if (wanted > 1 || old > 0 || out.message.empty()) {
    std::string numbers = fmt::format("{} of {} replicas are up to date and ready", ready, wanted);
    if (old > 0) numbers += fmt::format(", {} of an older version still there", old);
    out.message = out.message.empty() ? numbers : numbers + "; " + out.message;
  }
  const bool only_mends =
      std::ranges::all_of(scene.moves, [](const Move& m) { return m.kind == MoveKind::kMend; });
  if (scene.moves.empty() || (only_mends && wait > Millis(0))) {
    // Nothing to do but wait: for a probe, for followers to let go, for the time of the next restart.
    out.state = was_ready && old == 0 ? State::kDegraded : State::kProgressing;
    out.recheck_after = wait > Millis(0) ? wait : Millis(2'000);
  } else {
    out.state = State::kOutOfDate;
  }
  return out;
}

void tell_images(const ProviderResource& resource, const WorkloadScene& scene, Observation& seen) {
  if (!scene.resolving) return;
  seen.images = scene.images;
  const bool known = scene.images.size() == asked_for(resource, scene.spec).size();
  const bool only_creates =
      std::ranges::all_of(scene.moves, [](const Move& m) { return m.kind == MoveKind::kCreate; });
  if (known && only_creates && (seen.state == State::kAbsent || seen.state == State::kOutOfDate)) {
    seen.state = State::kProgressing;
    seen.reason = reasons::kResolvingImage;
    seen.message = waits_for_hub(scene.images);
  } else if (!known && seen.state == State::kReady) {
    seen.state = State::kOutOfDate;
    seen.reason = reasons::kResolvingImage;
    seen.message = "looking up what is behind its images' tags";
  }
}

}  // namespace qleet::container
