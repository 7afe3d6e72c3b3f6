#include "hub/assembly/adapters.h"

#include <fmt/format.h>

#include "common/thread/mutex.h"
#include "hub/secrets/seal_for.h"
#include "hub/store/objects.h"

namespace qleet::hub {
namespace {

// The streams of one query: the sink hears of the end once the last of them has ended.
struct OpenQuery {
  Mutex mutex;
  std::vector<std::shared_ptr<void>> handles GUARDED_BY(mutex);
  size_t running GUARDED_BY(mutex) = 1;  // open() itself, until it has begun them all
  bool cancelled GUARDED_BY(mutex) = false;
};

void one_ended(OpenQuery& open, api::LogSink& sink) {
  const MutexLock lock(open.mutex);
  if (--open.running == 0) sink.finish();
}

std::string region_of(const std::string& resource) { return resource.substr(0, resource.find('.')); }

// "dev/eu-1/web" and "0/main": "dev/eu-1/web-0/main".
std::string source_of(const api::LogQuery::Of& of, std::string_view part) {
  if (!of.parts) return of.name;
  return of.name + (part.find('/') == std::string_view::npos ? "/" : "-") + std::string(part);
}

}  // namespace

Result<> BrokerEnroller::examine(const v1::EnrolRequest& request) {
  if (!request.tls_request().empty()) {
    auto good = crypto::check_certificate_request(request.tls_request());
    if (!good) return std::unexpected(wrap(std::move(good).error(), "tlsRequest"));
  } else if (broker_.client_certificates_required()) {
    return fail(
        Code::kInvalid,
        "tlsRequest: is missing: this hub's broker takes only agents with a certificate; enrol with a "
        "qleet-agent of this version");
  }
  return {};
}

Result<v1::CertificateResult> BrokerEnroller::certify(const v1::Agent& agent,
                                                      const std::string& tls_request) {
  v1::CertificateResult result;
  result.set_certificate(TRY(broker_.certify(agent.metadata().name(), tls_request)));
  result.set_ca(broker_.tls_ca_pem());
  return result;
}

Result<v1::EnrolResult> BrokerEnroller::admit(const v1::Agent& agent, const std::string& tls_request) {
  v1::EnrolResult result;
  *result.mutable_agent() = agent;
  result.set_epoch(store_.epoch);
  for (const auto& url : nats_urls_) result.add_nats_urls(url);
  result.set_nats_jwt(TRY(broker_.identities().enrol(agent.metadata().name(), agent.spec().public_key())));
  result.set_nats_ca(broker_.tls_ca_pem());
  result.set_nats_server_name(broker_.tls_server_name());
  if (!tls_request.empty())
    result.set_nats_client_certificate(TRY(broker_.certify(agent.metadata().name(), tls_request)));
  return result;
}

Result<> BrokerEnroller::expel(const v1::Agent& agent) {
  return broker_.identities().revoke({agent.spec().public_key()});
}

Result<std::string> AgentSecrets::seal(const std::string& resource, const v1::SecretUse& use,
                                       const std::string& box_key) const {
  const auto reader = TRY(store_.snapshot());
  const auto secret = TRY(objects::get<v1::Secret>(*reader, use.name()));
  if (!secret || secret->metadata().generation() != use.version())
    return fail(Code::kNotFound, fmt::format("secret {} is not at version {}", use.name(), use.version()));
  return secrets::seal_for(*secret, sealer_, resource, box_key, random_);
}

Result<> AgentLogs::open(const api::LogQuery& query, std::shared_ptr<api::LogSink> sink) {
  auto open = std::make_shared<OpenQuery>();
  std::string away;
  bool any = false;
  for (const auto& of : query.resources) {
    const std::string region = region_of(of.resource);
    const auto agent = agents_.serving(region);
    if (!agent) {
      away = fmt::format("{}: no agent serves this region", region);
      sink->note(away);
      continue;
    }
    {
      const MutexLock lock(open->mutex);
      ++open->running;
    }
    auto ended = [open, sink, name = of.name](const std::string& error) {
      if (!error.empty()) sink->note(fmt::format("{}: {}", name, error));
      one_ended(*open, *sink);
    };
    auto handle = streams_.open(
        {.agent = *agent, .resource = of.resource, .container = query.container, .wish = query.wish},
        {.data = [sink, of](std::string_view part,
                            std::string_view data) { return sink->write(source_of(of, part), data); },
         .note = [sink, of](std::string_view text) { sink->note(fmt::format("{}: {}", of.name, text)); },
         .end = ended});
    if (!handle) {
      away = handle.error().message;
      ended(away);
      continue;
    }
    any = true;
    const MutexLock lock(open->mutex);
    if (!open->cancelled) open->handles.push_back(std::move(*handle));
  }
  sink->on_cancel([open] {
    std::vector<std::shared_ptr<void>> handles;
    const MutexLock lock(open->mutex);
    open->cancelled = true;
    handles.swap(open->handles);
  });
  if (!any && !away.empty()) return fail(Code::kUnavailable, away);
  one_ended(*open, *sink);
  return {};
}

}  // namespace qleet::hub
