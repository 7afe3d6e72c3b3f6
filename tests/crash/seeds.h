// Which seeds a crash test runs, and where.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace qleet::test {

// 1..usual; QLEET_CRASH_SEEDS=n: 1..n; QLEET_CRASH_SEED=n: n alone.
inline std::vector<std::uint64_t> crash_seeds(std::uint64_t usual) {
  if (const char* one = std::getenv("QLEET_CRASH_SEED")) return {std::strtoull(one, nullptr, 10)};
  if (const char* many = std::getenv("QLEET_CRASH_SEEDS")) usual = std::strtoull(many, nullptr, 10);
  std::vector<std::uint64_t> seeds;
  for (std::uint64_t seed = 1; seed <= usual; ++seed) seeds.push_back(seed);
  return seeds;
}

// Thousands of small files are written there: in memory, where that is possible.
inline std::filesystem::path fast_folder() {
  const std::filesystem::path memory = "/dev/shm";
  return std::filesystem::exists(memory) ? memory : std::filesystem::temp_directory_path();
}

}  // namespace qleet::test
