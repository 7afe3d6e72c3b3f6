// For what cannot fail unless the simulation itself is broken.
#pragma once

#include <fmt/format.h>

#include <source_location>
#include <stdexcept>
#include <utility>

#include "common/result/result.h"

namespace qleet::sim {

// The value; throws what the error says, and where.
template <class T>
T must(Result<T> result, std::source_location at = std::source_location::current()) {
  if (!result)
    throw std::runtime_error(fmt::format("{}:{}: {}", at.file_name(), at.line(), result.error().message));
  return *std::move(result);
}

}  // namespace qleet::sim
