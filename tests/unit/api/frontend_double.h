// The hub's named operations, for tests of the API alone: apply and erase do the least that objects need, the
// others note what they were asked and answer with what a test put there.
#pragma once

#include <string>
#include <vector>

#include "hub/frontend/frontend.h"

namespace qleet::test {

struct FrontendDouble {
  std::vector<std::string> calls;  // "approve serviceaccount:x {json}"
  v1::DeliveryAnswers answers;
  v1::History history;
  v1::Tree tree;
  Error refuse{Code::kInternal, "", {}};  // with a message: every operation fails with it
};

// What the operations of this test program see; set by the fixture.
FrontendDouble& frontend_double();

}  // namespace qleet::test
