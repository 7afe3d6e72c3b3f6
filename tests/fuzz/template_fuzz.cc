// What the hub hands to providers, made of what developers wrote: templates. And what a running haproxy
// answers. The first byte chooses.
#include <google/protobuf/util/json_util.h>

#include "common/model/reasons.h"
#include "providers/container/template.h"
#include "providers/route/admin.h"
#include "providers/route/config.h"
#include "providers/route/slots.h"
#include "providers/route/template.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

namespace {

template <class Spec>
void check(const Result<Spec>& read) {
  if (read) return;
  fuzz::must(read.error().code == Code::kInvalid && read.error().reason == reasons::kInvalidTemplate &&
                 !read.error().fields.empty(),
             "it is said which field: " + read.error().message);
}

// No word of a template may become another word, or line, of haproxy's configuration.
void route(const google::protobuf::Struct& object) {
  const auto spec = route::parse_route(object);
  check(spec);
  if (!spec) return;
  const route::Entry plain{.owner = "a",
                           .resource = "r",
                           .hash = "h",
                           .backend = "b",
                           .host = "h.example",
                           .path = "/p",
                           .workload = "w",
                           .port = 80,
                           .slots = 1,
                           .targets = {}};
  route::Entry entry = plain;
  if (!spec->host.empty()) entry.host = spec->host;
  if (spec->path != "/") entry.path = spec->path;
  const auto count = [](const std::string& text, char c) { return std::ranges::count(text, c); };
  const auto expected = route::render({"127.0.0.1", 80}, {plain}, "d");
  const auto made = route::render({"127.0.0.1", 80}, {entry}, "d");
  for (const char c : {'\n', ' ', '"', '\'', '\\', '#', '$', '{', '}', '\r', '\0'})
    fuzz::must(count(made, c) == count(expected, c), "a route stays within its words: " + made);
  fuzz::must(!entry.host.starts_with('-'), "no option: " + entry.host);
}

void templates(std::string_view text) {
  ProviderResource resource;
  resource.name = "eu.dev.shop.workload.web";
  resource.type = "workload";
  resource.id = "web";
  if (!google::protobuf::util::JsonStringToMessage(std::string(text), &resource.template_).ok()) return;
  const auto& object = resource.template_;
  check(container::kind_of(resource));
  check(container::parse_host(object));
  check(container::parse_volume(object));
  check(container::parse_container(object));
  const auto workload = container::parse_workload(object, resource.id);
  check(workload);
  if (workload) fuzz::must(!workload->containers.empty(), "a workload has a container");
  check(container::parse_exec(object));
  check(route::kind_of(resource));
  check(route::parse_router(object));
  route(object);
}

void answers(std::string_view text) {
  auto rest = text;
  const auto backend = fuzz::take_until(rest, '\n');
  auto slots = route::parse_servers(rest);
  route::read_sessions(rest, backend, slots);
  const auto plan = route::plan_slots(backend, slots, {{"10.0.0.1", 80}, {"10.0.0.2", 81}});
  fuzz::must(plan.targets.size() == slots.size(), "each slot has its target");
  (void)route::parse_old_workers(text);
  (void)route::parse_description(text);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto text = fuzz::text_of(data + 1, size - 1);
  if (data[0] % 4 == 0) {
    answers(text);
  } else {
    templates(text);
  }
  return 0;
}
