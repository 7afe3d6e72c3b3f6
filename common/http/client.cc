#include "common/http/client.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

#include "common/http/answer.h"
#include "common/http/connection.h"
#include "common/thread/mutex.h"

namespace qleet::http {
namespace {

constexpr std::size_t kKept = 8;
constexpr std::size_t kPiece = 64U << 10U;

// What the exchange was with, for messages: never the path or query, which may hold names or tokens.
std::string peer_of(const ClientOptions& options, const std::string& url) {
  if (!options.unix_socket.empty()) return options.unix_socket;
  const auto scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  std::string authority = url.substr(0, url.find_first_of("/?#", scheme + 3));
  if (const auto at = authority.rfind('@'); at != std::string::npos)
    authority.erase(scheme + 3, at - scheme - 2);
  return authority;
}

bool named(const Headers& headers, const char* name) {
  return std::ranges::any_of(headers,
                             [&](const auto& header) { return strcasecmp(header.first.c_str(), name) == 0; });
}

// The body, piece by piece, as often as it is needed.
class Body {
 public:
  static Result<Body> of(const Request& request) {
    Body body(request);
    if (request.body_file.empty()) return body;
    std::error_code error;
    body.size_ = std::filesystem::file_size(request.body_file, error);
    body.file_.emplace(request.body_file, std::ios::binary);
    if (error || !*body.file_)
      return fail(Code::kInvalid, fmt::format("{}: cannot be read", request.body_file.string()));
    return body;
  }
  std::uint64_t size() const { return size_; }
  void rewind() {
    if (!file_) return;
    file_->clear();
    file_->seekg(0);
  }
  // Empty: that was all. The view is good until the next call.
  std::string_view next() {
    if (!file_) return std::exchange(rest_, {});
    piece_.resize(kPiece);
    file_->read(piece_.data(), static_cast<std::streamsize>(piece_.size()));
    return std::string_view(piece_).substr(0, static_cast<std::size_t>(file_->gcount()));
  }
  void start() {
    rewind();
    rest_ = request_->body;
  }

 private:
  explicit Body(const Request& request) : request_(&request), size_(request.body.size()) {}

  const Request* request_;
  std::uint64_t size_ = 0;
  std::optional<std::ifstream> file_;
  std::string piece_;
  std::string_view rest_;
};

Result<std::string> head_of(const ClientOptions& options, const Request& request, const Url& url,
                            std::uint64_t body_size) {
  std::string head = fmt::format("{} {} HTTP/1.1\r\n", request.method, url.target);
  if (!named(request.headers, "host")) head += fmt::format("Host: {}\r\n", url.authority);
  if (!named(request.headers, "user-agent")) head += fmt::format("User-Agent: {}\r\n", options.user_agent);
  if (!named(request.headers, "accept")) head += "Accept: */*\r\n";
  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return fail(Code::kInvalid, fmt::format("header {}: a line break is not allowed", encode(name)));
    head += fmt::format("{}: {}\r\n", name, value);
  }
  const bool sends = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (sends || body_size > 0 || !request.body_file.empty())
    head += fmt::format("Content-Length: {}\r\n", body_size);
  return head + "\r\n";
}

// One try of one exchange on one connection: sends and reads at the same time, as either goes on.
class Exchange {
 public:
  Exchange(const Request& request, Connection& connection, const Stopper& stopper, const Deadline& until,
           Answer& answer)
      : request_(request), socket_(connection.socket()), stopper_(stopper), until_(until), answer_(answer) {}

  Result<> run(const std::string& head, Body& body) {
    body.start();
    unsent_ = head;
    heard_ = Steady::now();
    while (!answer_.done() && !answer_.given_up()) {
      const short sending = TRY(send(body));
      const auto reading = TRY(receive());
      if (!reading) continue;
      TRY(wait(static_cast<short>(sending | *reading)));
    }
    return {};
  }
  bool sent_all() const { return unsent_.empty() && at_end_; }

 private:
  // What to wait for before the next piece can go; 0: nothing.
  Result<short> send(Body& body) {
    while (!broken_) {
      if (unsent_.empty() && !at_end_) {
        unsent_ = body.next();
        at_end_ = unsent_.empty();
      }
      if (unsent_.empty()) return 0;
      const auto moved = socket_.write(unsent_);
      if (!moved) {
        // It may have said why, and closed before it had heard all.
        broken_ = true;
      } else if (moved->bytes == 0) {
        return moved->need == Socket::Need::kWrite ? POLLOUT : POLLIN;
      } else {
        unsent_.remove_prefix(moved->bytes);
      }
    }
    return 0;
  }

  // What to wait for before more can be read; nullopt: something was read.
  Result<std::optional<short>> receive() {
    const auto moved = socket_.read(buffer_);
    if (!moved) {
      if (moved.error().reason != Socket::kEnd)
        return fail(Code::kUnavailable, "the connection failed: " + moved.error().message);
      TRY(answer_.feed_end());
      return std::optional<short>();
    }
    if (moved->bytes == 0)
      return std::optional<short>(moved->need == Socket::Need::kWrite ? POLLOUT : POLLIN);
    heard_ = Steady::now();
    TRY(answer_.feed({buffer_.data(), moved->bytes}));
    return std::optional<short>();
  }

  Result<> wait(short events) {
    const Deadline idle =
        request_.idle_timeout.count() > 0 ? Deadline(heard_ + request_.idle_timeout) : std::nullopt;
    switch (stopper_.wait(socket_.descriptor(), events, earlier(until_, idle))) {
      case Stopper::Woke::kReady:
        return {};
      case Stopper::Woke::kStopped:
        return fail(Code::kUnavailable, "stopped");
      case Stopper::Woke::kDeadline:
        break;
    }
    return fail(Code::kDeadline, "no complete answer in time");
  }

  const Request& request_;
  Socket& socket_;
  const Stopper& stopper_;
  const Deadline until_;
  Answer& answer_;
  std::string_view unsent_;
  bool at_end_ = false;
  bool broken_ = false;
  Steady::time_point heard_{};
  std::array<char, 16 << 10> buffer_;
};

}  // namespace

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (key.size() == name.size() && strncasecmp(key.data(), name.data(), name.size()) == 0) return value;
  }
  return {};
}

struct Client::Impl {
  explicit Impl(ClientOptions given) : options(std::move(given)) {}

  std::unique_ptr<Connection> take(const std::string& origin) {
    const MutexLock lock(mutex);
    while (true) {
      const auto found = std::ranges::find(idle, origin, [](const auto& kept) { return kept->origin(); });
      if (found == idle.end()) return nullptr;
      auto connection = std::move(*found);
      idle.erase(found);
      // The peer has closed it, or said what nobody asked for.
      if (connection->quiet()) return connection;
    }
  }

  void give_back(std::unique_ptr<Connection> connection) {
    const MutexLock lock(mutex);
    if (idle.size() >= kKept) idle.erase(idle.begin());
    idle.push_back(std::move(connection));
  }

  Result<Response> run(const Request& request, const OnData* on_data, const OnHead* on_head);

  ClientOptions options;
  Mutex mutex;
  std::vector<std::unique_ptr<Connection>> idle GUARDED_BY(mutex);  // the one used last is last
};

Result<Response> Client::Impl::run(const Request& request, const OnData* on_data, const OnHead* on_head) {
  const std::string peer = peer_of(options, request.url);
  const auto url = parse_url(request.url);
  if (!url) return fail(Code::kInvalid, fmt::format("{}: not a usable URL: {}", peer, url.error().message));
  auto body = TRY(Body::of(request));
  const std::string head = TRY(head_of(options, request, *url, body.size()));
  const Deadline until = deadline_in(request.timeout);
  const Stopper stopper(request.stop);

  // A connection that was kept may break at the moment when it is used again: then, and only then, the same
  // is tried once more on a new one.
  for (auto connection = take(url->origin());; connection.reset()) {
    const bool kept = connection != nullptr;
    if (!kept) {
      auto opened = Connection::open(options, *url, stopper, until);
      if (!opened) return std::unexpected(wrap(std::move(opened).error(), peer));
      connection = *std::move(opened);
    }
    bool too_large = false;
    std::string text;
    Answer answer({.on_head =
                       [&](const Response& so_far) {
                         if (on_data != nullptr && so_far.ok() && on_head != nullptr && *on_head)
                           (*on_head)(so_far);
                         return true;
                       },
                   .on_body =
                       [&](const Response& so_far, std::string_view piece) {
                         if (on_data != nullptr && so_far.ok()) return (*on_data)(piece);
                         too_large = text.size() + piece.size() > request.max_response;
                         if (!too_large) text.append(piece);
                         return !too_large;
                       }},
                  request.method == "HEAD");
    Exchange exchange(request, *connection, stopper, until, answer);
    const auto done = exchange.run(head, body);
    if (!done) {
      if (kept && !answer.begun() && done.error().code == Code::kUnavailable &&
          !request.stop.stop_requested())
        continue;
      return std::unexpected(wrap(done.error(), peer));
    }
    if (too_large)
      return fail(Code::kTooLarge,
                  fmt::format("{}: the answer is larger than {} bytes", peer, request.max_response));
    Response response = std::move(answer.response());
    response.body = std::move(text);
    response.ca_pem = connection->ca_pem();
    if (answer.reusable() && exchange.sent_all()) give_back(std::move(connection));
    return response;
  }
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
