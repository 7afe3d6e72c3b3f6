#include "hub/api/api.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>

#include "common/log/log.h"
#include "common/model/model.h"
#include "hub/api/auth.h"
#include "hub/api/content.h"
#include "hub/api/metrics.h"
#include "hub/api/problem.h"
#include "hub/api/router.h"
#include "hub/api/routes.h"

namespace qleet::hub::api {
namespace {

constexpr log::Logger kLog{"api"};
constexpr std::string_view kNoRoute = "none";

Response too_many(Millis wait) {
  const auto seconds = (wait.count() + 999) / 1000;
  Response response =
      problem({Code::kExhausted, fmt::format("too many requests: try again in {} s", seconds), {}});
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

// Nothing answers this path, or not with this method.
Response unrouted(const Request& request, const Match& match) {
  if (!match.allow.empty()) {
    Response response = problem(
        405, "MethodNotAllowed",
        fmt::format("{} is not possible on {}; possible: {}", request.method, request.path, match.allow));
    response.headers.emplace_back("Allow", match.allow);
    return response;
  }
  std::string detail = fmt::format("nothing is at {}", request.path);
  if (request.path.starts_with("/v1/")) {
    const std::string word = request.path.substr(4, request.path.find('/', 4) - 4);
    std::vector<std::string> known = {"apply", "plan",    "describe", "why",
                                      "enrol", "version", "status",   "whoami"};
    for (const auto& kind : model::kinds()) known.emplace_back(kind.plural);
    const std::string near = model::nearest(word, known);
    if (!near.empty() && near != word) detail += fmt::format("; did you mean /v1/{}?", near);
  }
  return problem({Code::kNotFound, std::move(detail), {}});
}

}  // namespace

struct Api::Impl {
  Impl(const ApiOptions& options, ApiDependencies dependencies)
      : hub(std::move(dependencies)),
        handlers(hub),
        metrics(with_own(hub.gauges), hub.histograms),
        per_subject(options.per_subject, hub.clock),
        per_address(options.per_address, hub.clock) {
    add_object_routes(router, handlers);
    add_change_routes(router, handlers);
    add_delivery_routes(router, handlers);
    add_insight_routes(router, handlers);
    add_log_routes(router, handlers);
    add_access_routes(router, handlers);
    add_status_routes(router, handlers);
    add_system_routes(router, handlers, metrics);
  }

  std::vector<Gauge> with_own(std::vector<Gauge> gauges) {
    gauges.push_back({"qleet_hub_objects_undecodable",
                      "Objects of the store that lists could not read, since start.",
                      [this] { return static_cast<double>(handlers.unreadable->count()); }});
    return gauges;
  }

  ApiDependencies hub;
  Handlers handlers;
  Metrics metrics;
  RateLimiter per_subject;
  RateLimiter per_address;
  Router router;

  Result<Subject> identify(const Request& request) {
    const auto reader = TRY(hub.store.snapshot());
    return authenticate(*reader, hub.clock, request.header("authorization"));
  }

  Response answer(const Request& request, const Match& match, Subject& subject);
  Result<Response> call(const Request& request, const Match& match, const Subject& subject);
};

Response Api::Impl::answer(const Request& request, const Match& match, Subject& subject) {
  const bool open = match.route != nullptr && match.route->access.who == Access::Who::kAnyone;
  if (open && request.method == "POST") {
    if (const auto wait = per_address.take(request.peer)) return too_many(*wait);
  } else if (!open) {
    auto identified = identify(request);
    if (!identified) {
      // Looking a token up costs next to nothing; those who have a good one do not suffer for a neighbour who
      // guesses.
      if (identified.error().code == Code::kUnauthenticated)
        if (const auto wait = per_address.take(request.peer)) return too_many(*wait);
      return problem(identified.error());
    }
    subject = *std::move(identified);
    if (const auto wait = per_subject.take(subject.name)) return too_many(*wait);
  }
  if (match.route == nullptr) return unrouted(request, match);
  auto response = call(request, match, subject);
  return response ? *std::move(response) : problem(response.error());
}

Result<Response> Api::Impl::call(const Request& request, const Match& match, const Subject& subject) {
  const Access& access = match.route->access;
  if (access.who == Access::Who::kRule) TRY(subject.require(access.verb, access.kind));
  if (const auto application = match.parameters.find("application"); application != match.parameters.end())
    TRY(subject.require_application(application->second));
  if (!request.body.empty() && !acceptable_body(request.header("content-type")))
    return problem(
        415, "UnsupportedMediaType",
        fmt::format("a body of type {} is not understood; send application/json or application/yaml",
                    request.header("content-type")));
  return match.route->handler({request, subject, match.parameters});
}

Api::Api(const ApiOptions& options, ApiDependencies dependencies)
    : impl_(std::make_unique<Impl>(options, std::move(dependencies))) {}

Api::~Api() = default;

Response Api::handle(const Request& request) {
  const MonoTime start = impl_->hub.clock.mono();
  const Match match = impl_->router.match(request.method, request.path);
  Subject subject;
  Response response = impl_->answer(request, match, subject);
  // What was written has happened: only what is read can still be refused for its form.
  if (response.status == 200 && !response.stream && response.content_type == "application/json" &&
      request.method == "GET" && !accepted_format(request.header("accept")))
    response = problem(406, "NotAcceptable",
                       fmt::format("{} is not written here; accept application/json or application/yaml",
                                   request.header("accept")));
  const Millis took = impl_->hub.clock.mono() - start;
  const std::string_view route = match.route != nullptr ? std::string_view(match.route->pattern) : kNoRoute;
  impl_->metrics.observe(match.route != nullptr ? match.route->method : "other", route, response.status,
                         std::chrono::duration<double>(took).count());
  const auto level = response.status == 500                                ? log::Level::kError
                     : request.method == "GET" || request.method == "HEAD" ? log::Level::kDebug
                                                                           : log::Level::kInfo;
  log::write(level, kLog.component, "request",
             {{"id", request.id},
              {"method", request.method},
              {"route", std::string(route)},
              {"status", std::to_string(response.status)},
              {"subject", subject.name},
              {"peer", request.peer},
              {"ms", std::to_string(took.count())}});
  return response;
}

struct ApiServer::Impl {
  Impl(const ApiOptions& options, ApiDependencies dependencies)
      : api(options, with_own_gauges(std::move(dependencies))) {}

  ApiDependencies with_own_gauges(ApiDependencies dependencies) {
    const auto add = [&](std::string name, std::string help, double (*read)(const HttpCounters&)) {
      dependencies.gauges.push_back({std::move(name), std::move(help), [this, read] {
                                       const HttpServer* http = serving;
                                       return http == nullptr ? 0 : read(http->counters());
                                     }});
    };
    add("qleet_hub_http_connections", "Connections that are open.",
        [](const HttpCounters& c) { return double(c.connections); });
    add("qleet_hub_http_streams", "Watches and log streams that are open.",
        [](const HttpCounters& c) { return double(c.streams); });
    add("qleet_hub_http_queued_requests", "Requests that wait for a worker.",
        [](const HttpCounters& c) { return double(c.queued); });
    add("qleet_hub_http_refused_connections", "Connections refused over a limit, since start.",
        [](const HttpCounters& c) { return double(c.refused_connections); });
    add("qleet_hub_http_refused_requests", "Requests refused before any handler saw them, since start.",
        [](const HttpCounters& c) { return double(c.refused_requests); });
    return dependencies;
  }

  // Set once it serves, which is after the first request may have come.
  std::atomic<const HttpServer*> serving = nullptr;
  Api api;
  std::unique_ptr<HttpServer> server;
};

Result<std::unique_ptr<ApiServer>> ApiServer::start(ApiOptions options, ApiDependencies dependencies) {
  auto impl = std::make_unique<Impl>(options, std::move(dependencies));
  impl->server = TRY(HttpServer::start(std::move(options.http),
                                       [api = &impl->api](const Request& r) { return api->handle(r); }));
  impl->serving = impl->server.get();
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ApiServer::~ApiServer() { stop(); }

void ApiServer::stop() { impl_->server->stop(); }

Result<> ApiServer::use_certificate(const crypto::CertifiedKey& server) {
  return impl_->server->use_certificate(server.certificate_pem, server.private_key_pem);
}

std::uint16_t ApiServer::port() const { return impl_->server->port(); }

}  // namespace qleet::hub::api
