// The pages of code and constants that a process has mapped.
#pragma once

#include <cstddef>

namespace qleet {

// Unmaps the pages of the program's and its libraries' code, most of which only start-up ran through. They
// are clean parts of files: what runs again is mapped again, page by page, out of the page cache. Returns the
// bytes that were resident in them; 0 where /proc cannot be read. Any thread, at any time.
size_t release_code_pages();

}  // namespace qleet
