// Amounts as Score and Kubernetes write them.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/result/result.h"

namespace qleet::model {

// "512M", "1.5Gi", "1024": bytes, rounded up. K, M, G, T, P, E are powers of 1000; Ki, Mi, Gi, Ti, Pi, Ei of
// 1024.
Result<std::uint64_t> parse_memory(std::string_view text);

// "2", "0.5", ".25", "250m": thousandths of a CPU, rounded up.
Result<std::uint32_t> parse_cpu(std::string_view text);

}  // namespace qleet::model
