// What every implementation's change log has in common.
#pragma once

#include "hub/store/store.h"

namespace qleet::hub {

// Whether changes after `after` can be told, of a store at `current` whose log is whole after `floor`;
// kCompacted where not. A position ahead of the store is from another life of it: that, too, means list
// again.
Result<> check_log_reaches(Revision after, Revision floor, Revision current);

}  // namespace qleet::hub
