// Work that several clients share.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>

namespace qleet::bench {

// The next of the numbers from 0 to `count`, `step` apart; nullopt: none is left.
using TakeNumber = std::function<std::optional<size_t>()>;

// `work` on so many threads at once, each taking numbers until none is left. How many seconds that took. Ends
// the program with what one of them throws.
double share(size_t threads, size_t count, size_t step, const std::function<void(const TakeNumber&)>& work);

}  // namespace qleet::bench
