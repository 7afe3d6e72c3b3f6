// An HTTP/1.1 answer, read as it comes. What is between chunks and frames is the parser's; limits are here.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "common/http/client.h"

namespace qleet::http {

// One exchange's. Not thread-safe.
class Answer {
 public:
  // `on_body` gets the body piece by piece, `on_head` is told before the first of it; false from either: the
  // answer is given up (`given_up`). Interim answers (1xx) are passed over.
  struct Sink {
    std::function<bool(const Response& head)> on_head;
    std::function<bool(const Response& head, std::string_view)> on_body;
  };
  // `bodyless`: as to HEAD and CONNECT, whatever the head says.
  Answer(Sink sink, bool bodyless);
  ~Answer();
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  // kUnavailable: it is no HTTP, or its head, with all interim ones, or what follows a body is larger than
  // 256 KB.
  Result<> feed(std::string_view bytes);
  // The peer sent no more. kUnavailable: it was not complete.
  Result<> feed_end();

  bool begun() const { return begun_; }
  bool done() const;
  bool given_up() const;
  // Another exchange may follow on this connection.
  bool reusable() const;
  Response& response() { return response_; }

 private:
  class Parser;
  std::unique_ptr<Parser> make_parser();

  const Sink sink_;
  const bool bodyless_;
  Response response_;
  bool begun_ = false;
  std::string pending_;         // not whole yet: of the head, or between chunks
  std::size_t head_bytes_ = 0;  // read so far, interim answers included
  std::unique_ptr<Parser> parser_;
};

}  // namespace qleet::http
