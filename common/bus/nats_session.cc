#include "common/bus/nats_session.h"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <optional>

#include "common/bus/callbacks.h"

namespace qleet {
namespace {

constexpr std::string_view kUnlucky = "unlucky nonce";

struct FreeOptions {
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
};

char* copy(std::string_view text) {
  char* out = static_cast<char*>(std::malloc(text.size() + 1));
  if (out == nullptr) return nullptr;
  std::memcpy(out, text.data(), text.size());
  out[text.size()] = '\0';
  return out;
}

natsStatus give_jwt(char** jwt, char** error, void* number) {
  const auto credentials = Callbacks<NatsCredentials>::instance().find(number);
  if (!credentials) {
    *error = copy("closed");
    return NATS_ERR;
  }
  const MutexLock lock(credentials->mutex);
  *jwt = copy(credentials->jwt);
  return NATS_OK;
}

// The library's own signing takes 4 ms and its encoder turns a signature whose first byte is zero (1 in 256)
// into nothing, which the server then refuses: such an attempt is given up before it counts as a refusal.
natsStatus sign(char** error, unsigned char** signature, int* size, const char* nonce, void* number) {
  const auto credentials = Callbacks<NatsCredentials>::instance().find(number);
  if (!credentials) {
    *error = copy("closed");
    return NATS_ERR;
  }
  const MutexLock lock(credentials->mutex);
  const std::string signed_nonce = credentials->key->sign(nonce);
  if (signed_nonce.front() == '\0') {
    *error = copy(kUnlucky);
    return NATS_ERR;
  }
  *signature = reinterpret_cast<unsigned char*>(copy(signed_nonce));
  *size = static_cast<int>(signed_nonce.size());
  return NATS_OK;
}

void deliver(natsConnection*, natsSubscription*, natsMsg* raw, void* number) {
  const std::unique_ptr<natsMsg, decltype(&natsMsg_Destroy)> message(raw, natsMsg_Destroy);
  const auto gate = Callbacks<Gate>::instance().find(number);
  // "No responders" is the server's way to say nothing: silence, here.
  if (!gate || natsMsg_IsNoResponders(raw)) return;
  const char* reply = natsMsg_GetReply(raw);
  gate->pass({natsMsg_GetSubject(raw), reply == nullptr ? "" : reply,
              std::string(natsMsg_GetData(raw), static_cast<std::size_t>(natsMsg_GetDataLength(raw)))});
}

std::string last_error(natsConnection* connection) {
  const char* text = nullptr;
  natsConnection_GetLastError(connection, &text);
  return text == nullptr ? "" : text;
}

// The library reports what a server said only as text.
bool is_refusal(natsStatus status, std::string_view text) {
  return status == NATS_CONNECTION_AUTH_FAILED || text.find("uthorization") != std::string_view::npos ||
         text.find("uthentication") != std::string_view::npos;
}

bool is_tls(const NatsOptions& options) {
  for (const auto& url : options.urls) {
    if (url.starts_with("tls://")) return true;
  }
  return false;
}

}  // namespace

void NatsSession::on_reconnected(natsConnection*, void* number) {
  if (const auto self = Callbacks<NatsSession>::instance().find(number)) self->events_.reconnected();
}

void NatsSession::on_disconnected(natsConnection* connection, void* number) {
  if (const auto self = Callbacks<NatsSession>::instance().find(number)) {
    self->events_.disconnected(last_error(connection));
  }
}

void NatsSession::on_closed(natsConnection* connection, void* number) {
  if (const auto self = Callbacks<NatsSession>::instance().find(number)) {
    const char* text = nullptr;
    const natsStatus status = natsConnection_GetLastError(connection, &text);
    const std::string why = text == nullptr ? "" : text;
    self->events_.closed(why, is_refusal(status, why));
  }
}

void NatsSession::on_error(natsConnection* connection, natsSubscription* subscription, natsStatus status,
                           void* number) {
  const auto self = Callbacks<NatsSession>::instance().find(number);
  if (!self) return;
  if (status == NATS_SLOW_CONSUMER) {
    const char* subject = subscription == nullptr ? nullptr : natsSubscription_GetSubject(subscription);
    self->events_.error(
        fmt::format("messages dropped, handled too slowly: {}", subject == nullptr ? "" : subject));
  } else {
    self->events_.error(last_error(connection));
  }
}

std::expected<std::shared_ptr<NatsSession>, NatsSession::Failure> NatsSession::connect(
    const NatsOptions& options, const std::shared_ptr<NatsCredentials>& credentials, Events events) {
  natsOptions* made = nullptr;
  if (natsOptions_Create(&made) != NATS_OK) return std::unexpected(Failure{.why = "out of memory"});
  const std::unique_ptr<natsOptions, FreeOptions> raw(made);
  auto session = std::shared_ptr<NatsSession>(new NatsSession(std::move(events)));
  session->number_ = Callbacks<NatsSession>::instance().add(session);
  session->credentials_number_ = Callbacks<NatsCredentials>::instance().add(credentials);

  std::vector<const char*> urls;
  urls.reserve(options.urls.size());
  for (const auto& url : options.urls) urls.push_back(url.c_str());
  const std::string inbox = "_INBOX." + options.name;
  natsStatus status = natsOptions_SetServers(made, urls.data(), static_cast<int>(urls.size()));
  const auto set = [&](natsStatus result) {
    if (status == NATS_OK) status = result;
  };
  set(natsOptions_SetName(made, options.name.c_str()));
  set(natsOptions_SetCustomInboxPrefix(made, inbox.c_str()));
  set(natsOptions_SetTimeout(made, options.connect_timeout.count()));
  set(natsOptions_SetPingInterval(made, options.ping_interval.count()));
  set(natsOptions_SetMaxPingsOut(made, 2));
  set(natsOptions_SetMaxReconnect(made, -1));
  set(natsOptions_SetReconnectWait(made, options.reconnect_wait.count()));
  set(natsOptions_SetReconnectJitter(made, options.reconnect_jitter.count(),
                                     options.reconnect_jitter.count()));
  // Other addresses of the server mean nothing to a client behind NAT, and the given ones stay right.
  set(natsOptions_SetIgnoreDiscoveredServers(made, true));
  // No flusher thread, no thread for each subscription.
  set(natsOptions_SetSendAsap(made, true));
  set(natsOptions_UseGlobalMessageDelivery(made, true));
  set(natsOptions_SetIOBufSize(made, options.io_buffer_bytes));
  set(natsOptions_SetWriteDeadline(made, options.connect_timeout.count()));
  if (is_tls(options)) {
    set(natsOptions_SetSecure(made, true));
    if (!options.tls_ca_pem.empty()) {
      set(natsOptions_SetCATrustedCertificates(made, options.tls_ca_pem.c_str()));
    }
    if (!options.tls_certificate_pem.empty()) {
      set(natsOptions_SetCertificatesChain(made, options.tls_certificate_pem.c_str(),
                                           options.tls_key_pem.c_str()));
    }
    if (!options.tls_server_name.empty()) {
      set(natsOptions_SetExpectedHostname(made, options.tls_server_name.c_str()));
    }
  }
  const bool has_key = [&] {
    const MutexLock lock(credentials->mutex);
    return credentials->key.has_value();
  }();
  if (has_key) {
    set(natsOptions_SetUserCredentialsCallbacks(made, give_jwt, session->credentials_number_, sign,
                                                session->credentials_number_));
  }
  set(natsOptions_SetReconnectedCB(made, on_reconnected, session->number_));
  set(natsOptions_SetDisconnectedCB(made, on_disconnected, session->number_));
  set(natsOptions_SetClosedCB(made, on_closed, session->number_));
  set(natsOptions_SetErrorHandler(made, on_error, session->number_));
  if (status != NATS_OK) {
    return std::unexpected(Failure{.why = fmt::format("options refused: {}", natsStatus_GetText(status))});
  }
  status = natsConnection_Connect(&session->connection_, made);
  if (status == NATS_OK) return session;
  const char* detail = nats_GetLastError(nullptr);
  std::string why = natsStatus_GetText(status);
  if (detail != nullptr && *detail != '\0') why += fmt::format(" ({})", detail);
  return std::unexpected(Failure{
      .why = why, .refused = is_refusal(status, why), .unlucky = why.find(kUnlucky) != std::string::npos});
}

NatsSession::~NatsSession() {
  close();
  natsConnection_Destroy(connection_);
}

void NatsSession::close() {
  // First, so that what the library still says is said to nobody.
  Callbacks<NatsSession>::instance().remove(number_);
  if (connection_ != nullptr) natsConnection_Close(connection_);
  Callbacks<NatsCredentials>::instance().remove(credentials_number_);
}

bool NatsSession::connected() const {
  return natsConnection_Status(connection_) == NATS_CONN_STATUS_CONNECTED;
}

natsStatus NatsSession::publish(const std::string& subject, const std::string& reply, std::string_view data) {
  const int size = static_cast<int>(data.size());
  if (reply.empty()) return natsConnection_Publish(connection_, subject.c_str(), data.data(), size);
  return natsConnection_PublishRequest(connection_, subject.c_str(), reply.c_str(), data.data(), size);
}

natsStatus NatsSession::flush(Millis timeout) {
  return natsConnection_FlushTimeout(connection_, timeout.count());
}

natsStatus NatsSession::subscribe(const std::string& subject, void* number, const NatsOptions& limits,
                                  natsSubscription** out) {
  const natsStatus status = natsConnection_Subscribe(out, connection_, subject.c_str(), deliver, number);
  if (status != NATS_OK) return status;
  return natsSubscription_SetPendingLimits(*out, limits.max_pending_messages, limits.max_pending_bytes);
}

}  // namespace qleet
