// Image references: what CI names, what is pinned, what a provider asks an engine for.
#include "common/model/model.h"
#include "hub/controllers/delivery.h"
#include "providers/container/template.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  v1::BuildSpec build;
  build.set_image(std::string(fuzz::take_until(rest, '\n')));
  build.set_tag(std::string(fuzz::take_until(rest, '\n')));
  build.set_digest(std::string(fuzz::take_until(rest, '\n')));
  const bool good = model::validate(build).empty();

  v1::ApplicationSpec spec;
  auto& workload = (*spec.mutable_workloads())["web"];
  workload.mutable_builds()->set_image(build.image());
  workload.mutable_builds()->set_tags(std::string(rest.substr(0, 20)));
  auto& container = (*workload.mutable_score()->mutable_containers())["web"];
  container.set_image(".");
  const auto pins = hub::controllers::pin_images("shop", spec, {}, {{"b", build}});
  if (hub::controllers::follows(workload, build))
    fuzz::must(pins.size() == 1, "a build that is followed is pinned");
  const auto again = hub::controllers::pin_images("shop", spec, pins, {});
  if (good && !build.digest().empty() && !pins.empty())
    fuzz::must(again.size() == 1 && again[0].image() == pins[0].image(),
               "what is pinned stays pinned while nothing newer is there: " + pins[0].image());
  hub::controllers::with_images(spec, pins);
  (void)container::decode_base64(rest);
  return 0;
}
