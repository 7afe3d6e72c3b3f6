#include "tests/chaos/api.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "tests/support/child.h"

namespace qleet::chaos {

using test::Json;

namespace {

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Seen seen(const std::string& event, const Json& object) {
  return {.event = event,
          .name = object["metadata.name"].str(),
          .uid = object["metadata.uid"].str(),
          .revision = object["metadata.resourceVersion"].number(),
          .generation = object["metadata.generation"].number(),
          .tombstone = object["spec.deleted"].truth(),
          .deleting = !object["metadata.deletionTimestamp"].str().empty(),
          .mark = object["metadata.annotations"].field(kMarkAnnotation).number()};
}

Api::Api(std::string url, const std::filesystem::path& hub_state)
    : url_(std::move(url)), token_(contents(hub_state / "admin-token")) {
  while (token_.ends_with('\n')) token_.pop_back();
  http::ClientOptions options;
  options.tls.ca_pem = contents(hub_state / "tls/ca.pem");
  options.connect_timeout = Millis(1'000);
  client_ = std::make_unique<http::Client>(std::move(options));
}

http::Request Api::request(const std::string& method, const std::string& path) const {
  http::Request request;
  request.method = method;
  request.url = url_ + path;
  request.headers = {{"Authorization", "Bearer " + token_}};
  return request;
}

Api::Reply Api::send(const std::string& method, const std::string& path, const std::string& body,
                     Millis timeout) const {
  auto wanted = request(method, path);
  wanted.timeout = timeout;
  if (!body.empty()) {
    wanted.headers.emplace_back("Content-Type",
                                body.starts_with('{') ? "application/json" : "application/yaml");
    wanted.body = body;
  }
  const auto answer = client_->request(wanted);
  if (!answer) return {.status = 0, .body = {}, .error = answer.error().message};
  return {.status = answer->status, .body = answer->body, .error = {}};
}

bool Api::list(const std::string& plural, std::vector<Json>& items, long* revision) const {
  items.clear();
  std::string next;
  do {
    const auto reply =
        send("GET", fmt::format("/v1/{}?limit=1000{}", plural, next.empty() ? "" : "&continue=" + next));
    if (!reply.ok()) return false;
    const Json page = Json::parse(reply.body);
    if (page.null()) return false;
    for (auto& item : page["items"].items()) items.push_back(item);
    if (revision) *revision = page["metadata.resourceVersion"].number();
    next = page["metadata.continue"].str();
  } while (!next.empty());
  return true;
}

Watcher::Watcher(const Api& api, std::string plural, long from)
    : api_(api),
      plural_(std::move(plural)),
      revision_(from),
      thread_([this](const std::stop_token& stop) { follow(stop); }) {}

Watcher::~Watcher() { (void)stop(); }

long Watcher::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

std::map<std::string, long> Watcher::known() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, long> out;
  for (const auto& seen : seen_) {
    if (seen.event == "deleted")
      out.erase(seen.name);
    else
      out[seen.name] = seen.revision;
  }
  return out;
}

std::string Watcher::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::vector<Seen> Watcher::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  return seen_;
}

void Watcher::follow(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    auto request = api_.request("GET", fmt::format("/v1/{}?watch=1&resourceVersion={}", plural_, revision()));
    request.timeout = Millis(0);
    // Longer than the hub's own sign of life.
    request.idle_timeout = Millis(20'000);
    request.stop = stop;
    buffer_.clear();
    pending_.clear();
    const auto answer = api_.client().stream(request, [this](std::string_view data) {
      take(data);
      return true;
    });
    if (answer && answer->status >= 400 && answer->status < 500 && answer->status != 429) {
      const std::lock_guard lock(mutex_);
      failure_ = fmt::format("watch of {} from {}: {} {}", plural_, revision_, answer->status, answer->body);
      return;
    }
    if (!stop.stop_requested()) test::nap(std::chrono::milliseconds(50));
  }
}

void Watcher::take(std::string_view data) {
  buffer_ += data;
  for (std::size_t end = 0; (end = buffer_.find("\n\n")) != std::string::npos;) {
    take_event(buffer_.substr(0, end + 1));
    buffer_.erase(0, end + 2);
  }
}

void Watcher::take_event(const std::string& event) {
  std::string type;
  std::string data;
  long id = 0;
  for (std::size_t at = 0; at < event.size();) {
    const std::size_t end = event.find('\n', at);
    const std::string line = event.substr(at, end - at);
    at = end + 1;
    if (line.starts_with("event: ")) type = line.substr(7);
    if (line.starts_with("data: ")) data = line.substr(6);
    if (line.starts_with("id: ")) id = std::atol(line.c_str() + 4);
  }
  const std::lock_guard lock(mutex_);
  if (type == "added" || type == "modified" || type == "deleted")
    pending_.push_back(seen(type, Json::parse(data)));
  if (id == 0) return;
  if (id < revision_) failure_ = fmt::format("watch of {}: id {} after {}", plural_, id, revision_);
  revision_ = id;
  // Complete: what a break in the middle of a revision cut off comes again, whole.
  seen_.insert(seen_.end(), pending_.begin(), pending_.end());
  pending_.clear();
}

}  // namespace qleet::chaos
