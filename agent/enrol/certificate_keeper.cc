#include "agent/enrol/certificate_keeper.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <ctime>

#include "common/crypto/certificate.h"
#include "common/crypto/nkey.h"
#include "common/http/client.h"
#include "common/http/problem.h"
#include "common/log/log.h"
#include "common/model/model.h"
#include "common/sync/certificate_proof.h"

namespace qleet::agent {
namespace {

constexpr log::Logger kLog{"certificate"};
constexpr Millis kFirstWait{2'000};
constexpr Millis kLongestWait = std::chrono::minutes(15);
// The wall clock may jump: looked at again after this.
constexpr Millis kLookEvery = std::chrono::hours(1);
// A refusal can get lost with the connection: who is away for so long asks in any case.
constexpr Millis kAwayLong = std::chrono::minutes(1);
constexpr Millis kClocksAgree = std::chrono::minutes(1);

std::int64_t seconds_of(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

std::optional<WallTime> date_of(const http::Response& response) {
  std::tm parts{};
  const std::string text(response.header("date"));
  if (strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return std::nullopt;
  return WallTime(std::chrono::seconds(timegm(&parts)));
}

}  // namespace

AskForCertificate ask_hub(const StoredIdentity& stored, const Clock& clock) {
  return [identity = stored.identity, seed = stored.seed, &clock](
             const qleet::v1::CertificateRequest& given,
             const std::stop_token& stop) -> Result<qleet::v1::CertificateResult> {
    const auto key = TRY(crypto::NKey::from_seed(seed));
    http::Client client({.tls = {.ca_pem = identity.hub_ca(), .pinned_ca_sha256 = {}}});
    const auto ask = [&](WallTime now) {
      auto request = given;
      request.mutable_time()->set_seconds(seconds_of(now));
      request.set_signature(
          key.sign(certificate_proof(request.agent(), request.tls_request(), request.time().seconds())));
      return client.request({.method = "POST",
                             .url = identity.hub_url() + "/v1/agents/" + identity.name() + "/certificate",
                             .headers = {{"Content-Type", "application/json"}},
                             .body = model::to_json(request),
                             .stop = stop});
    };
    auto answered = ask(clock.wall());
    if (answered && !answered->ok()) {
      const auto hubs = date_of(*answered);
      if (hubs && std::chrono::abs(*hubs - clock.wall()) > kClocksAgree) {
        kLog.warn("the clocks of agent and hub differ",
                  {{"seconds", std::to_string(seconds_of(clock.wall()) - seconds_of(*hubs))}});
        answered = ask(*hubs);
      }
    }
    if (!answered) return std::unexpected(wrap(std::move(answered).error(), "hub " + identity.hub_url()));
    if (answered->status == 404 || answered->status == 405)
      return fail(Code::kUnsupported, "the hub gives no certificates yet: it is of an older version");
    if (!answered->ok()) return std::unexpected(wrap(http::error_of(*answered), "the hub refused"));
    qleet::v1::CertificateResult result;
    google::protobuf::util::JsonParseOptions tolerant;
    tolerant.ignore_unknown_fields = true;
    if (!google::protobuf::util::JsonStringToMessage(answered->body, &result, tolerant).ok())
      return fail(Code::kUnsupported, "the hub's answer is not understood");
    return result;
  };
}

CertificateKeeper::CertificateKeeper(std::filesystem::path state, StoredIdentity stored, const Clock& clock,
                                     qleet::Random& jitter, AskForCertificate ask, Use use)
    : state_(std::move(state)),
      stored_(std::move(stored)),
      clock_(clock),
      jitter_(jitter),
      ask_(std::move(ask)),
      use_(std::move(use)),
      wait_(kFirstWait) {}

void CertificateKeeper::bus_is(BusState state) {
  {
    const MutexLock lock(mutex_);
    if (state == BusState::kConnected) {
      refused_ = false;
      away_since_.reset();
      // A hub that is back may be a newer one.
      wait_ = kFirstWait;
      next_try_ = {};
    } else {
      if (!away_since_) away_since_ = clock_.mono();
      // It is told again and again while it lasts.
      if (state != BusState::kRefused || std::exchange(refused_, true)) return;
    }
  }
  wake_();
}

std::string CertificateKeeper::why() const {
  const auto info = crypto::inspect_certificate(stored_.identity.nats_client_certificate());
  if (!info) return "there is none yet";
  if (crypto::renewal_due(*info, clock_.wall())) return "it ends soon, or is not valid yet";
  const MutexLock lock(mutex_);
  if (refused_) return "the bus does not take it";
  if (away_since_ && clock_.mono() >= *away_since_ + kAwayLong) return "the bus is away";
  return {};
}

MonoTime CertificateKeeper::step() {
  const std::string reason = why();
  const MonoTime now = clock_.mono();
  {
    const MutexLock lock(mutex_);
    if (reason.empty()) {
      const MonoTime look = now + kLookEvery;
      return away_since_ ? std::min(look, *away_since_ + kAwayLong) : look;
    }
    if (now < next_try_ || stopping_.stop_requested()) return std::max(next_try_, now + kFirstWait);
    // Not all of a fleet at once.
    const auto spread = static_cast<std::uint64_t>(wait_.count());
    next_try_ = now + wait_ + Millis(static_cast<Millis::rep>(jitter_.next() % spread));
    wait_ = std::min(wait_ * 2, kLongestWait);
  }
  const auto done = renew();
  const std::string complaint = done ? std::string() : done.error().message;
  if (!done && complaint != complaint_)
    kLog.warn("no certificate for the bus; asks again", {{"needed", reason}, {"why", complaint}});
  if (done) kLog.info("has a new certificate for the bus", {{"needed", reason}});
  complaint_ = complaint;
  const MutexLock lock(mutex_);
  // The next connection says whether it is taken.
  if (done) {
    refused_ = false;
    if (away_since_) away_since_ = clock_.mono();
  }
  return next_try_;
}

Result<> CertificateKeeper::renew() {
  qleet::v1::CertificateRequest request;
  request.set_agent(stored_.identity.name());
  request.set_tls_request(TRY(crypto::make_certificate_request(stored_.tls_key, stored_.identity.name())));
  const auto given = TRY(ask_(request, stopping_.get_token()));
  if (!crypto::belong_together(given.certificate(), stored_.tls_key))
    return fail(Code::kInvalid, "the hub's certificate is not of this agent's key");
  TRY(store_certificate(state_, given.certificate()));
  stored_.identity.set_nats_client_certificate(given.certificate());
  if (!given.ca().empty() && given.ca() != stored_.identity.nats_ca()) {
    stored_.identity.set_nats_ca(given.ca());
    TRY(store_identity(state_, stored_.identity));
  }
  return use_(stored_.identity.nats_ca(), given.certificate());
}

}  // namespace qleet::agent
