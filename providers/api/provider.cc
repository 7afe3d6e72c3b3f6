#include "providers/api/provider.h"

namespace qleet {

Result<> Provider::logs(const ProviderResource&, bool, unsigned, const std::function<bool(LogLine)>&) {
  return fail(Code::kUnsupported, "provider " + name() + " has no logs");
}

}  // namespace qleet
