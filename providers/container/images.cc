#include "providers/container/images.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/log/log.h"
#include "common/model/reasons.h"
#include "providers/container/names.h"

namespace qleet::container {

namespace {

constexpr log::Logger kLog{"container"};
constexpr const char* kNote =
    "image";  // beside a container's files: its image's name, a line feed, its content
constexpr std::string_view kAlgorithm = "sha256:";

// "repository" of "repository[:tag]".
std::string repository_of(const std::string& image) {
  const auto name = without_digest(image);
  const auto colon = name.rfind(':');
  return colon == std::string::npos || name.find('/', colon) != std::string::npos ? name
                                                                                  : name.substr(0, colon);
}

bool has_registry(const std::string& image) { return !image.starts_with("localhost/"); }

std::string id_of(const std::string& id) {
  return id.starts_with(kAlgorithm) ? id : std::string(kAlgorithm) + id;
}

std::string digest_of(const std::string& image) { return image.substr(image.find('@') + 1); }

Error gone(const std::string& image, const std::string& where) {
  return {Code::kNotFound,
          fmt::format(
              "image {}: {} does not have this content any more; bring that very image back, or name another "
              "image or tag",
              image, where),
          {},
          std::string(reasons::kImageGone)};
}

std::string round_of(const ProviderResource& resource, const std::string& image) {
  return fmt::format("{} {}", resource.generation, image);
}

// Pulled although it may be here: what the registry has now. Nothing once it is done.
Result<std::optional<std::string>> pull_again(Context& context, const std::string& image,
                                              const ProviderResource& resource) {
  const auto round = round_of(resource, image);
  if (context.look_ups()->done(resource.name, round)) return std::nullopt;
  const auto state = context.pull(
      image, resource.name,
      [look_ups = context.look_ups(), name = resource.name, round] { look_ups->note(name, round); });
  if (!state.error) return fmt::format("looking up image {}", image);
  // An image that was only ever loaded here is what it is.
  if (!TRY(find_image(context.client(), image))) return std::unexpected(*state.error);
  kLog.warn("image could not be looked up in its registry: what is on this host counts",
            {{"image", image}, {"error", state.error->message}});
  context.look_ups()->note(resource.name, round);
  return std::nullopt;
}

// Image of the replica that runs under the same tag; the newest version first.
Result<std::optional<std::string>> running(Context& context, const std::vector<Replica>& replicas,
                                           const WorkloadContainer& container) {
  for (const auto& replica : replicas) {
    const auto made_for =
        std::ranges::find(replica.spec.containers, container.name, &WorkloadContainer::name);
    const auto part = std::ranges::find(replica.parts, container.name, &Part::name);
    if (made_for == replica.spec.containers.end() || part == replica.parts.end() ||
        without_digest(made_for->process.image) != container.process.image || part->details.image_id.empty())
      continue;
    if (names_digest(made_for->process.image)) return made_for->process.image;
    const auto image = TRY(find_image(context.client(), id_of(part->details.image_id)));
    if (image) return with_digest(container.process.image, *image);
  }
  return std::nullopt;
}

}  // namespace

bool names_digest(const std::string& image) { return image.find('@') != std::string::npos; }

std::string without_digest(const std::string& image) { return image.substr(0, image.find('@')); }

std::string with_digest(const std::string& image, const containers::Image& found) {
  const std::string prefix = repository_of(image) + "@";
  for (const auto& digest : found.digests) {
    if (digest.starts_with(prefix)) return fmt::format("{}@{}", image, digest.substr(prefix.size()));
  }
  return fmt::format("{}@{}", image, id_of(found.id));
}

Result<std::optional<containers::Image>> find_image(containers::Client& client, const std::string& image) {
  auto found = client.inspect_image(image);
  if (!found && found.error().code == Code::kNotFound && names_digest(image))
    found = client.inspect_image(digest_of(image));
  if (found) return std::optional(std::move(*found));
  if (found.error().code == Code::kNotFound) return std::nullopt;
  return std::unexpected(found.error());
}

Result<Content> ensure_content(Context& context, const std::string& image, const std::string& resource) {
  if (!names_digest(image)) return Content{image, TRY(context.ensure_image(image, resource))};
  const auto here = context.client().inspect_image(image);
  if (here) return Content{image, {}};
  if (here.error().code != Code::kNotFound) return std::unexpected(here.error());
  if (const auto found = TRY(find_image(context.client(), image))) return Content{id_of(found->id), {}};
  if (!has_registry(image)) return std::unexpected(gone(image, "this host"));
  auto pulling = context.ensure_image(image, resource);
  if (pulling) return Content{image, std::move(*pulling)};
  if (pulling.error().code != Code::kNotFound) return std::unexpected(pulling.error());
  return std::unexpected(gone(image, "its registry"));
}

Result<Content> ensure_kept_content(Context& context, const ProviderResource& resource,
                                    const std::string& image, const containers::ContainerDetails* existing) {
  if (names_digest(image)) return ensure_content(context, image, resource.name);
  const auto& mounts = context.mounts();
  const auto key = base_name(resource);
  const auto note = mounts.read_note(key, kNote);
  const auto end = note.find('\n');
  if (end != std::string::npos && note.substr(0, end) == image)
    return ensure_content(context, note.substr(end + 1), resource.name);

  std::optional<containers::Image> found;
  // Made before this was kept.
  if (existing != nullptr && existing->image == image && !existing->image_id.empty())
    found = TRY(find_image(context.client(), id_of(existing->image_id)));
  if (!found) {
    auto content = TRY(ensure_content(context, image, resource.name));
    if (content.pulling) return content;
    found = TRY(find_image(context.client(), image));
  }
  if (!found) return Content{image, {}};
  const auto chosen = with_digest(image, *found);
  TRY(mounts.write_note(key, kNote, image + "\n" + chosen));
  return ensure_content(context, chosen, resource.name);
}

std::vector<const WorkloadContainer*> asked_for(const ProviderResource& resource, const WorkloadSpec& spec) {
  std::vector<const WorkloadContainer*> out;
  if (resource.resolve_images == ResolveImages::kAsNamed) return out;
  for (const auto& container : spec.containers) {
    if (!names_digest(container.process.image)) out.push_back(&container);
  }
  return out;
}

Result<std::map<std::string, std::string>> found_digests(Context& context, const ProviderResource& resource,
                                                         const WorkloadSpec& spec,
                                                         const std::vector<Replica>& replicas) {
  std::map<std::string, std::string> out;
  for (const auto* container : asked_for(resource, spec)) {
    const auto& image = container->process.image;
    if (resource.resolve_images == ResolveImages::kAgain && has_registry(image)) {
      if (!context.look_ups()->done(resource.name, round_of(resource, image))) continue;
    } else if (resource.resolve_images == ResolveImages::kOnce) {
      if (auto runs = TRY(running(context, replicas, *container))) {
        out[container->name] = std::move(*runs);
        continue;
      }
    }
    if (const auto found = TRY(find_image(context.client(), image)))
      out[container->name] = with_digest(image, *found);
  }
  return out;
}

Result<std::optional<std::string>> look_up(Context& context, const ProviderResource& resource,
                                           const WorkloadSpec& spec) {
  for (const auto* container : asked_for(resource, spec)) {
    const auto& image = container->process.image;
    const bool again = resource.resolve_images == ResolveImages::kAgain && has_registry(image);
    auto step = again ? pull_again(context, image, resource) : context.ensure_image(image, resource.name);
    if (!step || *step) return step;
  }
  return std::nullopt;
}

std::optional<google::protobuf::Struct> by_tags(const google::protobuf::Struct& template_) {
  auto out = template_;
  const auto field = [](google::protobuf::Struct& object, const char* name) -> google::protobuf::Struct* {
    const auto found = object.mutable_fields()->find(name);
    return found == object.mutable_fields()->end() || !found->second.has_struct_value()
               ? nullptr
               : found->second.mutable_struct_value();
  };
  auto* score = field(out, "score");
  auto* containers = score == nullptr ? nullptr : field(*score, "containers");
  if (containers == nullptr) return std::nullopt;
  bool any = false;
  for (auto& [name, container] : *containers->mutable_fields()) {
    if (!container.has_struct_value()) continue;
    auto& fields = *container.mutable_struct_value()->mutable_fields();
    const auto image = fields.find("image");
    if (image == fields.end() || !names_digest(image->second.string_value())) continue;
    image->second.set_string_value(without_digest(image->second.string_value()));
    any = true;
  }
  return any ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace qleet::container
