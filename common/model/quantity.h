// Amounts as Score and Kubernetes write them.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/result/result.h"

namespace qleet::model {

// "512M", "1Gi", "1024": bytes. K, M, G, T are powers of 1000; Ki, Mi, Gi, Ti of 1024.
Result<std::uint64_t> parse_memory(std::string_view text);

// "2", "0.5", ".25", "250m": thousandths of a CPU.
Result<std::uint32_t> parse_cpu(std::string_view text);

}  // namespace qleet::model
