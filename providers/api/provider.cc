#include "providers/api/provider.h"

namespace qleet {

Result<> Provider::logs(const ProviderResource&, const LogWish&, const std::function<bool(const LogLine&)>&) {
  return fail(Code::kUnsupported, "provider " + name() + " has no logs");
}

}  // namespace qleet
