// A router's folder and what it tells haproxy, beside a haproxy that only keeps books.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "providers/route/router.h"
#include "tests/support/patience.h"
#include "tests/support/temp_dir.h"

namespace qleet::route {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Reads the configuration when it is told to reload, and answers what the router asks.
class Books {
 public:
  explicit Books(const fs::path& folder) : folder_(folder) {
    load();
    for (const auto* name : {"admin.sock", "master.sock"}) listen(name);
  }
  ~Books() {
    stopping_ = true;
    for (const int fd : fds_) {
      ::shutdown(fd, SHUT_RDWR);
      ::close(fd);
    }
    for (auto& thread : threads_) thread.join();
  }
  // Addresses of the servers that a request for that host is led to; "none" where it is led nowhere.
  std::string leads(const std::string& host) {
    const std::lock_guard lock(mutex_);
    std::istringstream lines(config_);
    for (std::string line; std::getline(lines, line);) {
      if (line != fmt::format("  use_backend {} if {{ var(txn.host) -m str {} }} TRUE", word(line, 1), host))
        continue;
      std::string all;
      for (const auto& [name, server] : backends_[word(line, 1)])
        if (server.state == "ready") all += (all.empty() ? "" : ",") + server.address;
      return all;
    }
    return "none";
  }
  unsigned reloads() const { return reloads_; }

 private:
  struct Server {
    std::string address;
    std::string port;
    std::string state;
  };

  static std::string word(const std::string& line, int index) {
    std::istringstream in(line);
    std::string out;
    while (index-- >= 0) in >> out;
    return out;
  }

  void load() {
    std::ifstream in(folder_ / "haproxy.cfg");
    config_ = {std::istreambuf_iterator<char>(in), {}};
    backends_.clear();
    std::istringstream lines(config_);
    std::string backend;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("backend ")) backend = word(line, 1);
      if (line.starts_with("  description ")) description_ = word(line, 1);
      if (!line.starts_with("  server ")) continue;
      const auto at = word(line, 2);
      backends_[backend][word(line, 1)] = {at.substr(0, at.find(':')), at.substr(at.find(':') + 1),
                                           line.ends_with("disabled") ? "maint" : "ready"};
    }
  }

  std::string answer(const std::string& asked) {
    const std::lock_guard lock(mutex_);
    if (asked == "show info") return "Name: HAProxy\ndescription: " + description_ + "\n";
    if (asked == "show proc") return "# workers\n1 worker\n# old workers\n# programs\n";
    if (asked == "show stat") return "# pxname,svname,scur\n";
    if (asked == "reload") {
      ++reloads_;
      load();
      return "";
    }
    if (asked.starts_with("show servers state ")) {
      std::string out = "1\n# srv_name srv_addr srv_admin_state srv_port\n";
      for (const auto& [name, server] : backends_[word(asked, 3)]) {
        const int state = server.state == "ready" ? 0 : server.state == "drain" ? 8 : 1;
        out += fmt::format("{} {} {} {}\n", name, server.address, state, server.port);
      }
      return out;
    }
    if (asked.starts_with("set server ")) {
      const auto name = word(asked, 2);
      auto& server = backends_[name.substr(0, name.find('/'))][name.substr(name.find('/') + 1)];
      if (word(asked, 3) == "state") {
        server.state = word(asked, 4);
      } else {
        server.address = word(asked, 4);
        server.port = word(asked, 6);
      }
    }
    return "";
  }

  void listen(const char* name) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (folder_ / name).c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(fd, 16), 0);
    fds_.push_back(fd);
    threads_.emplace_back([this, fd] {
      while (!stopping_) {
        const int client = ::accept(fd, nullptr, nullptr);
        if (client < 0) continue;
        std::string asked;
        char buffer[1024];
        for (ssize_t got = 0; (got = ::recv(client, buffer, sizeof(buffer), 0)) > 0;)
          asked.append(buffer, static_cast<size_t>(got));
        const auto text = answer(asked.substr(0, asked.find('\n')));
        (void)::send(client, text.data(), text.size(), MSG_NOSIGNAL);
        ::close(client);
      }
    });
  }

  const fs::path folder_;
  std::atomic<bool> stopping_ = false;
  std::atomic<unsigned> reloads_ = 0;
  std::mutex mutex_;
  std::string config_, description_;
  std::map<std::string, std::map<std::string, Server>> backends_;
  std::vector<int> fds_;
  std::vector<std::thread> threads_;
};

class RouterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    start();
    ASSERT_TRUE(router_->prepare({"127.0.0.1", 8080}));
    books_ = std::make_unique<Books>(folder());
  }
  fs::path folder() const { return dir_ / "r"; }
  // As after a restart of the agent.
  void start() {
    router_ = std::make_unique<Router>(
        folder(), Surroundings{.check = [](const std::string&) -> Result<> { return {}; },
                               .sight = [this](const Entry& entry) { return sights_[entry.workload]; },
                               .changed = [this](const Entry& entry) { told_.insert(entry.backend); }});
  }
  static Entry route(const std::string& application, const std::string& id, const std::string& host,
                     const std::string& workload) {
    Entry out;
    out.owner = "agent";
    out.resource = fmt::format("r.dev.{}.route.{}", application, id);
    out.hash = host + workload;
    out.host = host;
    out.path = "/";
    out.workload = workload;
    return out;
  }
  static std::string key(const Entry& entry) { return entry.key(); }
  // The workload has one replica, with this address; none where it is empty.
  void runs(const std::string& workload, const std::string& address) {
    sights_[workload].targets.emplace();
    if (!address.empty()) sights_[workload].targets->push_back({address, 80});
  }
  // What the follower does about everything that is there. What is said of the backends that are to go.
  std::set<std::string> lead_all() {
    std::set<std::string> released;
    for (int turn = 0; turn < 3; ++turn) {
      for (const auto& entry : router_->entries()) {
        const auto led = router_->lead(entry.backend, sights_[entry.workload].targets);
        EXPECT_TRUE(led) << led.error().message;
        if (led && led->released) released.insert(entry.workload);
      }
    }
    return released;
  }
  void put(const Entry& entry) {
    const auto done = router_->put(entry);
    EXPECT_TRUE(done) << done.error().message;
  }

  test::TempDir dir_;
  std::set<std::string> told_;  // backends whose followers are woken
  std::map<std::string, Sight> sights_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<Books> books_;
};

TEST_F(RouterTest, ARenamedWorkloadServesUntilTheNewOneCan) {
  runs("api", "10.0.0.1");
  put(route("shop", "api-url", "shop.example", "api"));
  lead_all();
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.1");
  sights_["api"].leaving = true;
  put(route("shop", "web-url", "shop.example", "web"));
  EXPECT_THAT(lead_all(), IsEmpty());
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.1");
  start();
  runs("web", "10.0.0.2");
  const auto old = router_->find(key(route("shop", "api-url", "", "")))->backend;
  told_.clear();
  const auto next = router_->find(key(route("shop", "web-url", "", "")))->backend;
  ASSERT_TRUE(router_->lead(next, sights_["web"].targets));
  EXPECT_TRUE(told_.contains(old));  // nothing else would tell its follower that its workload may go
  EXPECT_THAT(lead_all(), ElementsAre("api"));
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.2");
  EXPECT_TRUE(router_->erase(key(route("shop", "api-url", "", ""))).value());
  EXPECT_EQ(router_->entries().size(), 1u);
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.2");
}

// What haproxy was told before says nothing of a replica now.
TEST_F(RouterTest, AfterARestartNobodyTakesOverWhoWasNotLookedAt) {
  runs("api", "10.0.0.1");
  put(route("shop", "api-url", "shop.example", "api"));
  lead_all();
  runs("web", "10.0.0.2");
  put(route("shop", "web-url", "shop.example", "web"));
  lead_all();
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.1");
  start();
  sights_.clear();
  sights_["api"].leaving = true;
  EXPECT_THAT(lead_all(), IsEmpty());
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.1");
  runs("web", "10.0.0.2");
  EXPECT_THAT(lead_all(), ElementsAre("api"));
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.2");
}

TEST_F(RouterTest, ARouteThatMovesToAnotherWorkloadHasNoServerOfBoth) {
  runs("one", "10.0.0.1");
  put(route("shop", "url", "shop.example", "one"));
  lead_all();
  const auto before = router_->entries().front().backend;
  put(route("shop", "url", "shop.example", "two"));
  lead_all();
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.1");
  runs("two", "10.0.0.2");
  lead_all();
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.2");
  ASSERT_EQ(router_->entries().size(), 1u);
  EXPECT_NE(router_->entries().front().backend, before);
  // The same again changes nothing.
  const auto reloads = books_->reloads();
  put(route("shop", "url", "shop.example", "two"));
  lead_all();
  EXPECT_EQ(books_->reloads(), reloads);
}

TEST_F(RouterTest, WhoHasAHostKeepsItUntilItIsGivenUp) {
  runs("one", "10.0.0.1");
  runs("two", "10.0.0.2");
  put(route("first", "url", "shop.example", "one"));
  put(route("second", "url", "shop.example", "two"));
  lead_all();
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.1");
  const auto waits = router_->find(key(route("second", "url", "", "")));
  ASSERT_TRUE(waits);
  EXPECT_FALSE(waits->serves);
  EXPECT_EQ(router_->holder(*waits)->resource, "r.dev.first.route.url");
  EXPECT_FALSE(router_->holder(*waits)->outgoing);
  runs("one", "");  // its workload has gone
  (void)router_->erase(key(route("first", "url", "", "")));
  // Another application has it after a while: one of the first one's own might have come.
  const auto deadline = std::chrono::steady_clock::now() + test::patient(Millis(20'000));
  while (books_->leads("shop.example") != "10.0.0.2" && std::chrono::steady_clock::now() < deadline) {
    lead_all();
    std::this_thread::yield();
  }
  EXPECT_EQ(books_->leads("shop.example"), "10.0.0.2");
  lead_all();
  EXPECT_EQ(router_->entries().size(), 1u);
}

TEST_F(RouterTest, WhatNobodyVouchesForIsNotStartedWith) {
  runs("one", "10.0.0.1");
  runs("two", "10.0.0.2");
  put(route("shop", "one-url", "one.example", "one"));
  put(route("shop", "two-url", "two.example", "two"));
  lead_all();
  sights_.erase("one");
  ASSERT_TRUE(router_->prepare({"127.0.0.1", 8080}));
  std::ifstream in(folder() / "haproxy.cfg");
  const std::string config{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(config, ::testing::Not(HasSubstr("10.0.0.1:80")));
  EXPECT_THAT(config, HasSubstr("10.0.0.2:80"));
}

}  // namespace
}  // namespace qleet::route
