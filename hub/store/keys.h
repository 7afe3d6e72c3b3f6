// Every key of the store and its meaning. Formats are permanent: a change needs a new format version
// (kFormat) and a migration. Segments are separated by '/', which no segment may contain; names hold
// [a-z0-9.-] only. A key has at most 511 bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace qleet::hub::keys {

inline constexpr std::string_view kObjectPrefix = "o/";
inline constexpr unsigned kFormat = 2;
inline constexpr size_t kMaxBytes = 511;

// Fixed width, so that byte order is the order of the numbers.
std::string hex16(std::uint64_t number);
std::string hex8(std::uint32_t number);
// Without padding; of any bytes, so that what may hold '/' can be a segment.
std::string base64url(std::string_view bytes);

// The parts between the slashes; views into `key`.
std::vector<std::string_view> segments(std::string_view key);
// The last of them.
std::string_view last(std::string_view key);
// "<a>/<b>/", to scan what is below: below("x/ref", name).
std::string below(std::string_view root, std::string_view segment);

// o/<kind plural>/<name>                   an object, serialized (common/proto); the only keys in the change
// log
std::string object(std::string_view plural, std::string_view name);

// x/label/...                              reserved

// x/app-env/<environment>/<app>            application wants environment (value empty)
std::string app_env(std::string_view environment, std::string_view app);

// x/offer/<environment>/<id>/<app>         a workload of the application is offered there by that id (value
// empty).
//                                          `app` empty: the range of all that do
std::string offer(std::string_view environment, std::string_view id, std::string_view app);

// x/image/<image b64url>/<app>             application follows builds of this image (value empty)
std::string image(std::string_view repository, std::string_view app);

// x/type/<type>/<deployment>               deployment asks, at any depth, for this dependency type (value
// empty)
std::string type(std::string_view type, std::string_view deployment);

// x/types/<deployment>                     the types that it asks for, comma separated: the reverse of x/type
std::string types(std::string_view deployment);

// x/waits/<resource>/<deployment>          deployment cannot have this resource as it asks for it (value
// empty)
std::string waits(std::string_view resource, std::string_view deployment);

// x/waits-of/<deployment>                  the resources that it waits for, comma separated: the reverse of
// x/waits
std::string waits_of(std::string_view deployment);

// x/secret-id/<id>/<secret>                secret has this as its spec.id, which is not its name (value
// empty). `secret` empty:
//                                          the range of all of them
std::string secret_id(std::string_view id, std::string_view secret);

// x/secret-ask/<id>/<deployment>           deployment asks, at any depth, for the secret of this id (value
// empty)
std::string secret_ask(std::string_view id, std::string_view deployment);

// x/secret-asks/<deployment>               the ids that it asks for, comma separated: the reverse of
// x/secret-ask
std::string secret_asks(std::string_view deployment);

// x/secret-use/<secret>/<resource>         resource hands out the values of secret (value empty)
std::string secret_use(std::string_view secret, std::string_view resource);

// x/profile-type/<type>/<profile>          profile satisfies type (value empty)
std::string profile_type(std::string_view type, std::string_view profile);

// x/region-dep/<region>/<deployment>       deployment is placed in region (value empty)
std::string region_dep(std::string_view region, std::string_view deployment);

// x/ref/<resource>/<user>                  user needs resource; value: the alias that it asks under. A
// resource
//                                          is live while this range is not empty. A user is "d:<deployment>"
//                                          or "r:<resource>".
std::string ref(std::string_view resource, std::string_view user);

// x/uses/<user>/<resource>                 the reverse of x/ref; same value
std::string uses(std::string_view user, std::string_view resource);

// x/taken/<resource, user>/<type>/<alias>  the resource that user holds as this, for want of an id, and which
// was
//                                          made for another: before a declared rename
std::string taken(std::string_view user, std::string_view type, std::string_view alias);

// x/takers/<resource>                      the keys in x/taken that name it, one a line
std::string takers(std::string_view resource);

// x/by-id/<resource>                       was made for one who asked for it by id, or for all of a region or
//                                          environment (value empty); what earlier versions made has none
std::string by_id(std::string_view resource);

// x/host/<digest of router and host>/<route>
//                                          route asks the router for that host (value empty). `route` empty:
//                                          the range of all of them
std::string host(std::string_view digest, std::string_view route);

// x/region-pos/<region>/<revision, 16 hex>/<resource>
//                                          resource of region changed at revision (its latest only; value
//                                          empty)
std::string region_pos(std::string_view region, std::uint64_t revision, std::string_view resource);

// x/region-at/<resource>                   revision (16 hex) under which it stands in x/region-pos
std::string region_at(std::string_view resource);

// x/pending/<deployment>                   its edges may lag behind what it asks for (value empty), or do so
// in regions
//                                          that wait for their turn (value "waits")
std::string pending(std::string_view deployment);

// x/unused/<due ms, 16 hex>/<resource>     unused resource, to be looked at when due (value empty)
std::string unused(std::uint64_t due_ms, std::string_view resource);

// x/profile-rev/<profile>/<generation, 8 hex>
//                                          the profile as it was at that generation, serialized
std::string profile_rev(std::string_view profile, std::uint32_t generation);

// x/token/<sha256 hex>                     name of the service account that the token belongs to
std::string token(std::string_view sha256_hex);

// x/join/<sha256 hex>                      one-time join token: serialized google.protobuf.Struct
//                                          {region, labels, expires_ms}
std::string join(std::string_view sha256_hex);

// x/certified/<agent>                      public key of the agent when it was given a certificate for the
// bus
std::string certified(std::string_view agent);

// x/idem/<subject>/<sha256 hex of the key> answer given to an idempotent request
std::string idem(std::string_view subject, std::string_view key_sha256_hex);

// x/idem-body/<subject>/<sha256 hex of the key>
//                                          sha256 hex of what was asked with it
std::string idem_body(std::string_view subject, std::string_view key_sha256_hex);

// x/idem-due/<due ms, 16 hex>/<subject>/<sha256 hex of the key>
//                                          when that answer may be forgotten (value empty)
std::string idem_due(std::uint64_t due_ms, std::string_view subject, std::string_view key_sha256_hex);

// x/event-of/<kind plural>/<name>/<event>  event is about that object (value empty)
std::string event_of(std::string_view plural, std::string_view name, std::string_view event);

// c/<counter>                              decimal counters, e.g. c/release/<app>. For numbers that must be
//                                          dense, alone: where several hubs write, those who raise the same
//                                          one conflict. Audit records and events go by Txn::revision().
std::string counter(std::string_view name);

// m/<name>                                 meta of the hub itself: defaults (made), controllers-position
// (revision,
//                                          decimal), profiles-changed (its revision: when any profile changed
//                                          last), secrets ("clean", or "remains": clear text of before may be
//                                          left in the file), hosts-indexed (x/host holds all routes)
std::string meta(std::string_view name);

}  // namespace qleet::hub::keys
