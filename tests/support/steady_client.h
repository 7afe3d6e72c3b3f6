// A client that keeps asking one page over HTTP/1.1 and counts every answer that is not 200: one thread with
// a new connection for each request, one that keeps its connection for as long as the server lets it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace qleet::test {

struct Asked {
  unsigned long requests = 0;
  std::vector<std::string> failures;          // what went wrong, and when
  std::map<std::string, unsigned long> seen;  // how often a body held one of the marks
  std::string text() const;
  // But idle connections that the router ended when it was loaded again, as HTTP lets a server do at any
  // time.
  std::vector<std::string> unanswered() const;
};

class SteadyClient {
 public:
  // On 127.0.0.1. `marks` are looked for in the bodies.
  SteadyClient(int port, std::string host, std::vector<std::string> marks);
  ~SteadyClient();
  // Ends the asking.
  Asked stop();
  unsigned long requests() const;

 private:
  void ask(bool keep_connection);
  void count(const std::string& failure, const std::string& body);

  const int port_;
  const std::string host_;
  const std::vector<std::string> marks_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  Asked asked_;
  std::vector<std::thread> threads_;
};

struct HttpAnswer {
  int status = 0;  // 0: none, and `error` says why
  std::string body;
  std::string error;
};
// One GET on 127.0.0.1.
HttpAnswer http_get(int port, const std::string& host, const std::string& path);

// A port of 127.0.0.1 that nothing listens on at the moment.
int unused_port();

}  // namespace qleet::test
