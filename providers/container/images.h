// Which content an image's name stands for on this host.
//
// A tag may be moved at any time; what runs may not change with it. So a workload's tags are looked up once,
// the hub keeps the digests, and everything runs by them (ResolveImages); and what a single container was
// first made of is kept beside its files, for as long as its template names the same image.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "providers/container/context.h"
#include "providers/container/replicas.h"
#include "providers/container/template.h"

namespace qleet::container {

bool names_digest(const std::string& image);
std::string without_digest(const std::string& image);

// `image`, named by a tag, with the digest of what was found under it: that of the registry, or for an image
// that was never in one that which identifies it on this host. Pure.
std::string with_digest(const std::string& image, const containers::Image& found);

// By name or digest; nothing where it is not on this host.
Result<std::optional<containers::Image>> find_image(containers::Client& client, const std::string& image);

// An image that is here, as the engine is to be asked for it; or how far its pull is.
struct Content {
  std::string name;
  std::optional<std::string> pulling;
};
// ImageGone where it is named by a digest that neither this host nor its registry has.
Result<Content> ensure_content(Context& context, const std::string& image, const std::string& resource);

// The same for a container whose image is named by a tag: what it was first made of, although the tag may
// have moved. `existing`: the one that is to be replaced; may be null.
Result<Content> ensure_kept_content(Context& context, const ProviderResource& resource,
                                    const std::string& image, const containers::ContainerDetails* existing);

// Containers whose images are named by a tag, where their digests are asked for.
std::vector<const WorkloadContainer*> asked_for(const ProviderResource& resource, const WorkloadSpec& spec);

// What is known of them without asking a registry: container -> image with digest. What runs in `replicas`
// under the same tag counts before what the tag is now, unless it is to be looked up again.
Result<std::map<std::string, std::string>> found_digests(Context& context, const ProviderResource& resource,
                                                         const WorkloadSpec& spec,
                                                         const std::vector<Replica>& replicas);

// A step towards knowing them all. What there is to say of it; nothing where they are known.
Result<std::optional<std::string>> look_up(Context& context, const ProviderResource& resource,
                                           const WorkloadSpec& spec);

// A template with digests behind tags taken out; nullopt where it has none. What was made before digests were
// kept was made for that.
std::optional<google::protobuf::Struct> by_tags(const google::protobuf::Struct& template_);

}  // namespace qleet::container
