// HTTP as handlers see it: plain values, no sockets, no library types.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qleet::hub::api {

struct Request {
  std::string method;                          // upper case
  std::string path;                            // percent-decoded, without the query
  std::map<std::string, std::string> query;    // percent-decoded; the last one of a name wins
  std::map<std::string, std::string> headers;  // names in lower case; repeated ones joined by ", "
  std::string body;
  std::string peer;  // address of the client, without port
  std::string id;    // names this request in logs and in X-Request-Id

  // Empty when absent.
  std::string_view header(std::string_view lower_case_name) const;
  std::string_view parameter(std::string_view name) const;
};

// What a stream gives when asked: data to be written, or nothing yet, or its end.
struct Piece {
  std::string data;
  bool end = false;
  bool more = false;  // ask again at once: there is more, or more to look through
};

// A response body that goes on: events, logs. The server pulls, so a slow client costs no memory: nothing is
// asked for until the last piece has been written.
//
// Threads: `next` is called on pool threads, never twice at once; it must not wait for data. `wake` may be
// called from any thread at any time, also after `cancel`.
class Stream {
 public:
  virtual ~Stream() = default;
  // Called once, before the first `next`: `wake` asks for another `next` after one that gave nothing.
  virtual void start(std::function<void()> wake) = 0;
  virtual Piece next() = 0;
  // Called once when the server will not ask any more: the client has gone, or the stream has ended.
  virtual void cancel() {}
  // Written while there is nothing else, so that dead clients are noticed. Empty: nothing is written.
  virtual std::string heartbeat() { return {}; }
};

struct Response {
  int status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::shared_ptr<Stream> stream;  // replaces body
};

// Splits "/v1/a?b=c" and decodes both sides. False when the target is malformed (bad percent encoding, a NUL,
// not starting with '/').
bool parse_target(std::string_view target, Request& request);

}  // namespace qleet::hub::api
