#include "bench/fleet/counts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

namespace qleet::bench {

Counts* map_counts(const std::string& file, bool make) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_TRUNC : 0), 0600);
  void* mapped = MAP_FAILED;
  if (descriptor >= 0 && (!make || ::ftruncate(descriptor, sizeof(Counts)) == 0))
    mapped = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) {
    fmt::print(stderr, "{} cannot be mapped\n", file);
    std::exit(1);
  }
  ::close(descriptor);
  return static_cast<Counts*>(mapped);
}

}  // namespace qleet::bench
