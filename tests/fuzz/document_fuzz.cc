// Objects out of JSON and YAML, with validation: what is taken is written back, and read again to the same.
#include "common/model/model.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/operations.pb.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

namespace {

// Maps have an order of their own in each message.
std::string canonical(const google::protobuf::Message& message) { return model::to_json(message); }

void same_again(const google::protobuf::Message& object, const std::string& text, const char* how) {
  model::DecodeLimits limits;
  limits.validate = false;
  limits.max_bytes = text.size() + 1;
  const auto again = model::decode(text, limits);
  fuzz::must(again.has_value(), std::string(how) + ": what was written cannot be read: " +
                                    (again ? "" : again.error().message) + "\n" + text);
  fuzz::must(again->size() == 1, std::string(how) + ": one object is one document");
  fuzz::must(canonical(*again->front()) == canonical(object),
             std::string(how) + ": another object is read than was written:\n" + canonical(object) + "\n" +
                 canonical(*again->front()));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  const auto objects = model::decode(text);
  if (!objects) {
    fuzz::must(!objects.error().message.empty(), "an error says what is wrong");
    for (const auto& field : objects.error().fields)
      fuzz::must(!model::describe(field).empty(), "a field's error says what is wrong");
  } else {
    for (const auto& object : *objects) {
      same_again(*object, model::to_json(*object), "json");
      same_again(*object, model::to_json(*object, true), "pretty json");
      same_again(*object, model::to_yaml(*object), "yaml");
    }
  }
  v1::BuildSpec build;
  if (model::decode_into(text, build)) model::validate(build);
  v1::EnrolRequest enrol;
  (void)model::decode_into(text, enrol);
  return 0;
}
