#include "common/http/client.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <strings.h>

#include <csignal>
#include <cstdio>
#include <mutex>
#include <optional>

#include "common/http/pin.h"

namespace qleet::http {
namespace {

// TLS writes to a closed connection would otherwise end the process: libcurl's own guard needs signals, which
// a program with threads cannot have.
void global_init() {
  static const bool done = [] {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct sigaction current{};
    if (sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) {
      signal(SIGPIPE, SIG_IGN);
    }
    return true;
  }();
  (void)done;
}

struct HeaderList {
  curl_slist* list = nullptr;
  ~HeaderList() { curl_slist_free_all(list); }
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// A handle with its own connections; owned by one exchange at a time.
struct Slot {
  CURL* easy = curl_easy_init();
  CURLM* multi = curl_multi_init();
  // Lives as long as the connections that may call it.
  Pin pin;
  Slot() = default;
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
};

// One exchange: what the callbacks of libcurl fill.
struct Exchange {
  const Request& request;
  const OnData* on_data = nullptr;
  const OnHead* on_head = nullptr;
  CURL* easy = nullptr;
  Response response;
  Pin* pin = nullptr;
  bool head_told = false;
  bool ended_by_caller = false;
  bool too_large = false;

  bool streaming() const { return on_data != nullptr && response.ok(); }

  void tell_head() {
    if (head_told || !streaming()) return;
    head_told = true;
    if (on_head != nullptr && *on_head) (*on_head)(response);
  }
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' ')) {
    text.remove_suffix(1);
  }
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

std::size_t on_header_line(char* data, std::size_t size, std::size_t count, void* arg) {
  auto& exchange = *static_cast<Exchange*>(arg);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {
    // A new head: an earlier one was an interim answer.
    exchange.response.headers.clear();
    long status = 0;
    curl_easy_getinfo(exchange.easy, CURLINFO_RESPONSE_CODE, &status);
    exchange.response.status = static_cast<int>(status);
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    exchange.response.headers.emplace_back(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  } else if (trim(line).empty()) {
    exchange.tell_head();
  }
  return size * count;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* arg) {
  auto& exchange = *static_cast<Exchange*>(arg);
  const std::string_view chunk(data, size * count);
  if (exchange.streaming()) {
    exchange.tell_head();
    if ((*exchange.on_data)(chunk)) return chunk.size();
    exchange.ended_by_caller = true;
    return CURL_WRITEFUNC_ERROR;
  }
  if (exchange.response.body.size() + chunk.size() > exchange.request.max_response) {
    exchange.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  exchange.response.body.append(chunk);
  return chunk.size();
}

int on_rewind(void* arg, curl_off_t offset, int origin) {
  return fseeko(static_cast<std::FILE*>(arg), offset, origin) == 0 ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

CURLcode on_ssl_context(CURL*, void* context, void* arg) {
  install(static_cast<SSL_CTX*>(context), static_cast<Pin*>(arg));
  return CURLE_OK;
}

bool is_loopback(std::string_view url) {
  const auto start = url.find("://");
  if (start == std::string_view::npos) return false;
  const auto host = url.substr(start + 3);
  return host.starts_with("127.") || host.starts_with("localhost:") || host.starts_with("localhost/") ||
         host == "localhost" || host.starts_with("[::1]");
}

// What the exchange was with, for messages: never the path or query, which may hold names or tokens.
std::string peer_of(const ClientOptions& options, const std::string& url) {
  if (!options.unix_socket.empty()) return options.unix_socket;
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  std::string authority = url.substr(0, url.find_first_of("/?#", scheme + 3));
  if (const auto at = authority.find('@'); at != std::string::npos)
    authority.erase(scheme + 3, at - scheme - 2);
  return authority;
}

Error describe(CURLcode code, const Exchange& exchange, const ClientOptions& options, const char* detail) {
  const std::string peer = peer_of(options, exchange.request.url);
  const std::string why = detail[0] != '\0' ? detail : curl_easy_strerror(code);
  double connected = 0;
  curl_easy_getinfo(exchange.easy, CURLINFO_PRETRANSFER_TIME, &connected);
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return {Code::kInvalid, fmt::format("{}: not a usable URL: {}", peer, why), {}};
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {Code::kUnavailable, fmt::format("{}: its name does not resolve; check the address", peer), {}};
    case CURLE_COULDNT_CONNECT:
      if (!options.unix_socket.empty()) {
        return {Code::kUnavailable,
                fmt::format("{}: nothing serves this socket, or it may not be opened ({})", peer, why),
                {}};
      }
      return {
          Code::kUnavailable,
          fmt::format("{}: cannot connect; check that it runs and that the address and port are right ({})",
                      peer, why),
          {}};
    case CURLE_OPERATION_TIMEDOUT:
      if (connected == 0) {
        return {Code::kUnavailable, fmt::format("{}: no connection in time ({})", peer, why), {}};
      }
      return {Code::kDeadline, fmt::format("{}: no complete answer in time ({})", peer, why), {}};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      if (exchange.pin != nullptr && !exchange.pin->why.empty()) {
        return {Code::kDenied,
                fmt::format("{}: not the expected server: {}; check the address and the fingerprint", peer,
                            exchange.pin->why),
                {}};
      }
      return {Code::kDenied, fmt::format("{}: its certificate is not trusted: {}", peer, why), {}};
    default:
      return {Code::kUnavailable, fmt::format("{}: the connection failed: {}", peer, why), {}};
  }
}

}  // namespace

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
  }
  return {};
}

struct Client::Impl {
  explicit Impl(ClientOptions given) : options(std::move(given)) {
    global_init();
    fingerprint = normal_fingerprint(options.tls.pinned_ca_sha256);
  }

  std::unique_ptr<Slot> take() {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<Slot>();
    auto slot = std::move(idle.back());
    idle.pop_back();
    return slot;
  }

  void give_back(std::unique_ptr<Slot> slot) {
    const std::lock_guard lock(mutex);
    if (idle.size() < kKept) idle.push_back(std::move(slot));
  }

  Result<Response> run(const Request& request, const OnData* on_data, const OnHead* on_head);
  Result<> configure(Exchange& exchange, HeaderList& headers, std::FILE* body) const;
  static CURLcode drive(Slot& slot, const Request& request);

  static constexpr std::size_t kKept = 8;
  ClientOptions options;
  std::string fingerprint;
  std::mutex mutex;
  std::vector<std::unique_ptr<Slot>> idle;
};

Result<> Client::Impl::configure(Exchange& exchange, HeaderList& headers, std::FILE* body) const {
  CURL* easy = exchange.easy;
  const Request& request = exchange.request;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  if (request.idle_timeout.count() > 0) {
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                     static_cast<long>((request.idle_timeout.count() + 999) / 1000));
  }
  if (!options.unix_socket.empty()) {
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
  }
  if (!options.unix_socket.empty() || is_loopback(request.url)) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");

  if (!options.tls.pinned_ca_sha256.empty()) {
    if (fingerprint.empty()) {
      return fail(Code::kInvalid, "the CA fingerprint must be 64 hex digits (SHA-256)");
    }
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, exchange.pin);
  } else if (!options.tls.ca_pem.empty()) {
    curl_blob blob{const_cast<char*>(options.tls.ca_pem.data()), options.tls.ca_pem.size(), CURL_BLOB_COPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }

  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return fail(Code::kInvalid, fmt::format("header {}: a line break is not allowed", encode(name)));
    }
    headers.add(value.empty() ? name + ";" : name + ": " + value);
  }
  headers.add("Expect:");  // never wait for "100 Continue"

  if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  } else if (body != nullptr) {
    std::error_code error;
    const auto size = std::filesystem::file_size(request.body_file, error);
    if (error)
      return fail(Code::kInvalid, fmt::format("{}: {}", request.body_file.string(), error.message()));
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READDATA, body);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, body);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
  } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
             request.method == "PATCH") {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    // Not the form type that libcurl would claim for it.
    bool typed = false;
    for (const auto& header : request.headers) typed |= strcasecmp(header.first.c_str(), "content-type") == 0;
    if (!typed) headers.add("Content-Type:");
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header_line);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
  return {};
}

// The multi interface, for one transfer: only it can be woken from another thread.
CURLcode Client::Impl::drive(Slot& slot, const Request& request) {
  CURLM* multi = slot.multi;
  if (curl_multi_add_handle(multi, slot.easy) != CURLM_OK) return CURLE_FAILED_INIT;
  CURLcode result = CURLE_ABORTED_BY_CALLBACK;
  {
    const std::stop_callback wake(request.stop, [multi] { curl_multi_wakeup(multi); });
    int running = 1;
    while (!request.stop.stop_requested()) {
      if (curl_multi_perform(multi, &running) != CURLM_OK) {
        result = CURLE_FAILED_INIT;
        break;
      }
      if (running == 0) {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
          if (message->msg == CURLMSG_DONE) result = message->data.result;
        }
        break;
      }
      curl_multi_poll(multi, nullptr, 0, 60'000, nullptr);
    }
  }
  curl_multi_remove_handle(multi, slot.easy);
  return result;
}

Result<Response> Client::Impl::run(const Request& request, const OnData* on_data, const OnHead* on_head) {
  std::unique_ptr<std::FILE, CloseFile> body;
  if (!request.body_file.empty()) {
    body.reset(std::fopen(request.body_file.c_str(), "rbe"));
    if (!body) return fail(Code::kInvalid, fmt::format("{}: cannot be read", request.body_file.string()));
  }
  HeaderList headers;
  auto slot = take();
  slot->pin.sha256 = fingerprint;
  slot->pin.why.clear();
  char detail[CURL_ERROR_SIZE] = "";
  Exchange exchange{
      .request = request, .on_data = on_data, .on_head = on_head, .easy = slot->easy, .pin = &slot->pin};
  curl_easy_reset(slot->easy);
  curl_easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, detail);
  TRY(configure(exchange, headers, body.get()));
  const CURLcode code = drive(*slot, request);
  if (code == CURLE_OK) {
    exchange.tell_head();
    exchange.response.ca_pem = slot->pin.ca_pem;
    curl_easy_reset(slot->easy);
    give_back(std::move(slot));
    return std::move(exchange.response);
  }
  // A slot that failed is not kept: its connection is in an unknown state.
  if (exchange.ended_by_caller) return std::move(exchange.response);
  if (exchange.too_large) {
    return fail(Code::kTooLarge, fmt::format("{}: the answer is larger than {} bytes",
                                             peer_of(options, request.url), request.max_response));
  }
  if (request.stop.stop_requested()) {
    return fail(Code::kUnavailable, fmt::format("{}: stopped", peer_of(options, request.url)));
  }
  return std::unexpected(describe(code, exchange, options, detail));
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

Result<Response> Client::request(const Request& request) { return impl_->run(request, nullptr, nullptr); }

Result<Response> Client::stream(const Request& request, const OnData& on_data, const OnHead& on_head) {
  return impl_->run(request, &on_data, &on_head);
}

Result<Response> Client::get(std::string url, Headers headers) {
  return request({.url = std::move(url), .headers = std::move(headers)});
}

Result<Response> Client::post(std::string url, std::string body, Headers headers) {
  return request(
      {.method = "POST", .url = std::move(url), .headers = std::move(headers), .body = std::move(body)});
}

std::string encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_' || c == '~') {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += kHex[c >> 4U];
      out += kHex[c & 15U];
    }
  }
  return out;
}

}  // namespace qleet::http
