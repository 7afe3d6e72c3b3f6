// The little languages in fields and query parameters: selectors, globs, durations, amounts, names.
#include "common/clock/duration.h"
#include "common/model/model.h"
#include "common/model/quantity.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const auto first = fuzz::take_until(rest, '\n');
  google::protobuf::Map<std::string, std::string> labels;
  labels["tier"] = "front";
  labels[std::string(rest.substr(0, 40))] = std::string(rest.substr(0, 10));
  const bool good = model::check_selector(first).has_value();
  const bool matched = model::matches(first, labels);
  fuzz::must(good || !matched, "a selector that is refused matches nothing");
  model::glob(first, rest);
  fuzz::must(model::glob("*", rest), "a star matches everything");
  model::is_name(first);
  fuzz::must(!model::name_rule(first).empty(), "the rule is said");
  model::nearest(first.substr(0, 100), {"postgres", "redis", std::string(rest.substr(0, 100))});
  model::find_kind(first);
  (void)model::parse_memory(first);
  (void)model::parse_cpu(first);
  if (const auto duration = parse_duration(first)) human_duration(*duration);
  return 0;
}
