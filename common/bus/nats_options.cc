#include "common/bus/nats_options.h"

#include <fmt/format.h>

#include "common/bus/subject.h"

namespace qleet {

Result<> check(const NatsOptions& options) {
  if (options.urls.empty()) return fail(Code::kInvalid, "urls: at least one is needed");
  for (const auto& url : options.urls) {
    if (!url.starts_with("nats://") && !url.starts_with("tls://")) {
      return fail(Code::kInvalid, fmt::format("urls: \"{}\" does not begin with nats:// or tls://", url));
    }
  }
  if (!is_subject_token(options.name)) {
    return fail(Code::kInvalid,
                fmt::format("name: \"{}\" is not one token (letters, digits, - and _)", options.name));
  }
  if (options.user_jwt.empty() != options.user_seed.empty()) {
    return fail(Code::kInvalid, "user_jwt and user_seed: one needs the other");
  }
  return {};
}

NatsOptions small_nats_options() {
  NatsOptions options;
  options.io_buffer_bytes = 4 * 1024;
  return options;
}

}  // namespace qleet
