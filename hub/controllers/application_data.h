// The data that is one application's alone: asked to go with it, and taken back.
#pragma once

#include <string>
#include <vector>

#include "common/result/result.h"
#include "hub/controllers/work.h"

namespace qleet::hub::controllers {

// What keeps data for this application and for nobody else goes once nobody needs it, because `subject` asked
// for that: what its deployments use, what that requires, and what is still there of it from before. Not what
// is retained by name (class retained). Their names. kConflict, and nothing is done, where an environment
// protects some of it.
Result<std::vector<std::string>> let_application_data_go(Work& work, const std::string& application,
                                                         const std::string& subject);

// The application is wanted again: the word is taken back for all that its deployments use.
Result<> take_back_application_data(Work& work, const std::string& application);

}  // namespace qleet::hub::controllers
