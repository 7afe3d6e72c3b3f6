// How a process of a history ends in the middle of what it does: thrown through the product's code, up to
// whoever steps the process. Not std::exceptions, since nobody may take them for an error of his own.
#pragma once

namespace qleet::sim {

struct HubCrash {};
struct AgentCrash {};

}  // namespace qleet::sim
