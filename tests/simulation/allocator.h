// How this program uses malloc.
#pragma once

#include <malloc.h>

namespace qleet::sim {

// A history makes and drops some megabytes again and again. glibc would give them back to the kernel each
// time and have them zeroed anew, which was a fifth of the processor time: here it keeps what it has. Where
// the allocator is another one (sanitizers), nothing changes.
inline void keep_freed_memory() {
  constexpr int kTrim = 1 << 30;
  constexpr int kMmap = 32 << 20;  // the most that glibc takes
  (void)mallopt(M_TRIM_THRESHOLD, kTrim);
  (void)mallopt(M_MMAP_THRESHOLD, kMmap);
  (void)mallopt(M_TOP_PAD, 16 << 20);
}

}  // namespace qleet::sim
