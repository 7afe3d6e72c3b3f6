// The hub's API as a client in a storm uses it: every request has a short deadline and may be lost.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/http/client.h"
#include "tests/chaos/record.h"
#include "tests/support/json.h"

namespace qleet::chaos {

// Thread-safe.
class Api {
 public:
  // The hub must have been up once.
  Api(std::string url, const std::filesystem::path& hub_state);

  struct Reply {
    int status = 0;  // 0: none came, and `error` says why
    std::string body;
    std::string error;
    bool ok() const { return status >= 200 && status < 300; }
    // Asking again may help.
    bool passing() const { return status == 0 || status == 429 || status >= 500; }
  };
  Reply send(const std::string& method, const std::string& path, const std::string& body = {},
             Millis timeout = Millis(3'000)) const;
  // All pages of a list; false where it could not be read.
  bool list(const std::string& plural, std::vector<test::Json>& items, long* revision = nullptr) const;

  http::Client& client() const { return *client_; }
  http::Request request(const std::string& method, const std::string& path) const;

 private:
  std::string url_;
  std::string token_;
  std::unique_ptr<http::Client> client_;
};

// Follows one kind from a revision on, in a thread of its own, and goes on from where it was after each
// break: as a client of the API would that must not miss anything.
class Watcher {
 public:
  Watcher(const Api& api, std::string plural, long from);
  ~Watcher();
  // What exists now as far as it has seen: name -> revision.
  std::map<std::string, long> known() const;
  std::vector<Seen> stop();
  // An answer that no client could go on from.
  std::string failure() const;

 private:
  long revision() const;
  void follow(const std::stop_token& stop);
  void take(std::string_view data);
  void take_event(const std::string& event);

  const Api& api_;
  const std::string plural_;
  mutable std::mutex mutex_;
  long revision_ = 0;  // all changes up to here were seen
  std::string failure_;
  std::vector<Seen> seen_;
  std::vector<Seen> pending_;  // of a revision that is not complete yet
  std::string buffer_;
  std::jthread thread_;
};

}  // namespace qleet::chaos
