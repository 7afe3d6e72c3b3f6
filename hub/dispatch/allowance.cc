#include "hub/dispatch/allowance.h"

#include <algorithm>
#include <chrono>

namespace qleet::hub {

bool Allowances::take(const std::string& agent, double cost, const Allowance& allowance, MonoTime now) {
  auto [it, fresh] = buckets_.try_emplace(agent, Bucket{allowance.burst, now});
  Bucket& bucket = it->second;
  const double seconds = std::chrono::duration<double>(now - bucket.at).count();
  bucket.level = std::min(allowance.burst, bucket.level + std::max(seconds, 0.0) * allowance.per_second);
  bucket.at = now;
  if (bucket.level <= 0) return false;
  bucket.level -= cost;
  return true;
}

}  // namespace qleet::hub
