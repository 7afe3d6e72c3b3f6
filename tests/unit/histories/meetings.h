// Who has the same resource, beside what each of them asked for: read from releases and profiles alone.
#pragma once

#include <string>
#include <vector>

#include "hub/store/store.h"
#include "tests/unit/histories/need.h"

namespace qleet::hub::tests {

// Resources that somebody has who did not ask by id, and somebody else as well. What profiles require for a
// whole environment or region is for all. One sentence each.
std::vector<std::string> unwanted_meetings(const Reader& reader, const Need& need);

}  // namespace qleet::hub::tests
