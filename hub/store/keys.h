// Every key of the store and its meaning. Formats are permanent: a change needs a new format version
// (kFormat) and a migration. Segments are separated by '/', which no segment may contain; names hold
// [a-z0-9.-] only.
//
//   o/<kind plural>/<name>              an object, serialized (common/proto); the only keys in the change log
//   x/label/...                         reserved
//   x/app-env/<environment>/<app>       application wants environment            (value empty)
//   x/image/<image b64url>/<app>        application follows builds of this image (value empty)
//   x/type/<type>/<deployment>          deployment asks, at any depth, for this dependency type (value empty)
//   x/region-dep/<region>/<deployment>  deployment is placed in region           (value empty)
//   x/ref/<resource>/<user>             user ("d:<deployment>" or "r:<resource>") needs resource; value: the
//   alias that
//                                       it asks under. A resource is live while this range is not empty.
//   x/uses/<user>/<resource>            the reverse of x/ref
//   x/region-pos/<region>/<revision, 16 hex>/<resource>   resource of region changed at revision (its latest
//   only) x/region-at/<resource>              revision under which it stands in x/region-pos x/unused/<due
//   ms, 16 hex>/<resource>  unused resource, to be looked at when due x/profile-rev/<profile>/<generation, 8
//   hex>  the profile as it was at that generation, serialized x/token/<sha256 hex>                name of
//   the service account that the token belongs to x/join/<sha256 hex>                 one-time join token:
//   serialized google.protobuf.Struct {region, labels, expires_ms} x/idem/<subject>/<key>              answer
//   given to an idempotent request c/<counter>                         decimal counters, e.g.
//   c/release/<app>, c/audit, c/event m/<name>                            meta of the hub itself, e.g. keys'
//   references
#pragma once

#include <string_view>

namespace qleet::hub::keys {

inline constexpr std::string_view kObjectPrefix = "o/";
inline constexpr unsigned kFormat = 1;

}  // namespace qleet::hub::keys
