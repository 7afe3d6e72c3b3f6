// Resources that hand out the values of a Secret. The box stays in the journal as it came; it is opened here
// alone, and what is in it goes to dependents.
#include "agent/engine/engine.h"
#include "agent/engine/render.h"
#include "common/crypto/sealed_box.h"
#include "common/model/reasons.h"
#include "common/sync/values.h"

namespace qleet::agent {

Result<OutputMap> Engine::opened_values(const Node& node) const {
  const auto& sealed = node.spec().secret();
  const std::string what = "version " + std::to_string(sealed.version()) + " of secret " + sealed.name();
  const auto missing = [&](const std::string& why) {
    return fail(Code::kUnavailable, reasons::kWaitingForValues, why);
  };
  if (sealed.box().empty())
    return missing("waits for the values of " + what + ", which the hub has not sealed for this agent yet");
  const auto plain =
      crypto::open_box(sealed.box(), options_.box_key, sync::box_place(node.name, sealed.version()));
  wire::v1::SecretValues values;
  if (!plain || !values.ParseFromString(*plain))
    return missing("the values of " + what +
                   " were not sealed to this agent's key: waits for the hub to seal them anew");
  OutputMap outputs;
  for (const auto& [key, value] : values.data()) {
    v1::Output& output = outputs[key];
    output.mutable_value()->set_string_value(value);
    output.set_secret(true);
  }
  return outputs;
}

Result<OutputMap> Engine::outputs_of(const Node& node) const {
  if (!Node::is_values(node.spec().provider()))
    return render_outputs(node.spec(), graph_.inputs(node), node.seen->self);
  auto opened = opened_values(node);
  // Decided so: what was handed out is what is wanted.
  if (opened) return opened;
  return node.runtime.secrets().outputs();
}

}  // namespace qleet::agent
