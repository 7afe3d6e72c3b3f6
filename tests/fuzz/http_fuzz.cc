// A request through the API's handlers, with the real operations behind it: "METHOD target", headers, an
// empty line, the body. No request may make a 5xx, nor an answer that is not what its content type says.
//
// "Authorization: admin" stands for a token that may do everything.
#include <algorithm>
#include <cctype>

#include "common/crypto/token.h"
#include "common/json/text.h"
#include "common/log/log.h"
#include "common/model/model.h"
#include "common/model/tree.h"
#include "hub/api/api.h"
#include "hub/frontend/frontend.h"
#include "hub/store/memory_store.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;
using namespace qleet::hub;

namespace {

constexpr std::string_view kWorld = R"(
apiVersion: qleet.io/v1
kind: Region
metadata: {name: eu, labels: {tier: front}}
---
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: workload-noop}
spec:
  satisfies: {type: workload}
  default: true
  provider: noop
  template: {replicas: "${params.replicas}"}
---
apiVersion: qleet.io/v1
kind: Application
metadata: {name: shop}
spec:
  workloads:
    web:
      score:
        containers: {web: {image: "registry.example/web:1"}}
)";

struct Hub {
  Hub() {
    log::set_level(log::Level::kError);
    random = std::make_unique<crypto::SeededRandom>(7);
    const frontend::Context context{store, clock, random.get()};
    fuzz::must(frontend::ensure_defaults(context, "").has_value(), "the defaults are made");
    v1::TokenRequest request;
    request.set_service_account("root");
    request.set_role("admin");
    const auto issued = frontend::create_service_account_token(context, {"hub"}, request);
    fuzz::must(issued.has_value(), "a token is made");
    token = issued->token();
    const auto objects = model::decode(kWorld);
    fuzz::must(objects.has_value(), objects ? "" : "world: " + objects.error().message);
    const auto applied = frontend::apply(context, {"hub"}, *objects);
    fuzz::must(applied.has_value(), applied ? "" : "world: " + applied.error().message);
  }
  ManualClock clock;
  std::unique_ptr<crypto::SeededRandom> random;
  MemoryStore store;
  std::string token;
};

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("!#$%&'*+-.^_`|~").contains(static_cast<char>(c));
  });
}

bool is_field(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 0x7f); });
}

api::Request parse(std::string_view text, const std::string& token) {
  api::Request request;
  auto line = fuzz::take_until(text, '\n');
  request.method = std::string(fuzz::take_until(line, ' '));
  // As the server does it: what is malformed never reaches a handler.
  if (!api::parse_target(line, request) || !is_token(request.method)) request.path.clear();
  while (!text.empty()) {
    auto header = fuzz::take_until(text, '\n');
    if (header.empty()) break;
    std::string name(fuzz::take_until(header, ':'));
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    while (header.starts_with(' ')) header.remove_prefix(1);
    if (!is_token(name) || !is_field(header)) request.path.clear();
    request.headers[name] =
        name == "authorization" && header == "admin" ? "Bearer " + token : std::string(header);
  }
  request.body = std::string(text);
  request.peer = "192.0.2.1";
  request.id = "r1";
  return request;
}

void check(const api::Request& request, const api::Response& response) {
  const auto what =
      request.method + " " + request.path + ": " + std::to_string(response.status) + " " + response.body;
  fuzz::must((response.status >= 200 && response.status < 500) || response.status == 501, what);
  if (response.status >= 400)
    fuzz::must(response.content_type == "application/problem+json" && !response.body.empty(), what);
  if (response.content_type.ends_with("json")) {
    model::DecodeLimits limits;
    limits.max_depth = 200;
    fuzz::must(model::read_json(response.body, limits).has_value(), "no JSON: " + what);
  }
  for (const auto& [name, value] : response.headers)
    fuzz::must(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
               "header " + name + ": " + what);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Hub hub;
  const auto request = parse(fuzz::text_of(data, size), hub.token);
  if (request.path.empty()) return 0;
  // Each request meets the same store.
  const auto store = *OverlayStore::over(hub.store);
  api::Api api({}, {.store = *store, .clock = hub.clock});
  const auto response = api.handle(request);
  check(request, response);
  if (!response.stream) return 0;
  response.stream->start([] {});
  for (int i = 0; i < 3 && !response.stream->next().end; ++i) {
  }
  response.stream->cancel();
  return 0;
}
