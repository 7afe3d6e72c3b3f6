// Who owns the files that a container is given: whom it runs as, so that it may read them whatever their mode
// is. That is said by the template or the image, by number or by a name that only the image knows.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/engine/client.h"
#include "common/result/result.h"

namespace qleet::container {

struct Owner {
  uid_t user = 0;
  gid_t group = 0;
  bool operator==(const Owner&) const = default;
};

// `user`: "name", "1000", "name:group", "1000:1000"; empty: root. `read`: a file of the image, asked for
// where a name must be looked up. Nothing where the image does not know the name: the engine refuses to start
// it, and says so.
Result<std::optional<Owner>> find_owner(
    std::string_view user, const std::function<Result<std::string>(std::string_view path)>& read);

// Of a container that was created.
Result<std::optional<Owner>> owner_of(containers::Client& client, const std::string& container);

}  // namespace qleet::container
