#include "tests/support/steady_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

namespace qleet::test {
namespace {

class Connection {
 public:
  explicit Connection(int port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) error_ = std::strerror(errno);
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool open() const { return open_ && error_.empty(); }

  HttpAnswer get(const std::string& host, const std::string& path, bool keep) {
    HttpAnswer answer;
    const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + host +
                                "\r\nConnection: " + (keep ? "keep-alive" : "close") + "\r\n\r\n";
    if (!error_.empty()) {
      answer.error = "connect: " + error_;
      return answer;
    }
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
      answer.error = std::string("send: ") + std::strerror(errno);
      open_ = false;
      return answer;
    }
    std::string text;
    std::size_t head = std::string::npos;
    std::size_t wanted = std::string::npos;
    while (head == std::string::npos || text.size() < wanted) {
      char part[16384];
      const ssize_t got = ::recv(fd_, part, sizeof part, 0);
      if (got <= 0) {
        open_ = false;
        if (got == 0 && head != std::string::npos && wanted == std::string::npos) break;
        answer.error = (got < 0 ? std::string("receive: ") + std::strerror(errno) : "closed") + " after " +
                       std::to_string(text.size()) + " bytes";
        return answer;
      }
      text.append(part, static_cast<std::size_t>(got));
      if (head == std::string::npos && (head = text.find("\r\n\r\n")) != std::string::npos) {
        std::string headers = text.substr(0, head);
        std::ranges::transform(headers, headers.begin(), [](unsigned char c) { return std::tolower(c); });
        if (headers.find("connection: close") != std::string::npos) open_ = false;
        if (const auto at = headers.find("content-length: "); at != std::string::npos)
          wanted = head + 4 + std::strtoul(headers.c_str() + at + 16, nullptr, 10);
      }
    }
    answer.status = std::atoi(text.c_str() + text.find(' '));
    answer.body = text.substr(head + 4);
    if (!keep) open_ = false;
    return answer;
  }

 private:
  int fd_ = -1;
  bool open_ = true;
  std::string error_;
};

}  // namespace

std::vector<std::string> Asked::unanswered() const {
  auto out = failures;
  std::erase_if(out, [](const auto& one) { return one.contains("kept connection: closed after 0 bytes"); });
  return out;
}

std::string Asked::text() const {
  std::string out = std::to_string(requests) + " requests, " + std::to_string(failures.size()) + " failed";
  for (const auto& [mark, count] : seen) out += ", \"" + mark + "\" " + std::to_string(count) + " times";
  for (std::size_t i = 0; i < failures.size() && i < 10; ++i) out += "\n  " + failures[i];
  return out;
}

SteadyClient::SteadyClient(int port, std::string host, std::vector<std::string> marks)
    : port_(port), host_(std::move(host)), marks_(std::move(marks)) {
  for (const bool keep : {false, true}) threads_.emplace_back([this, keep] { ask(keep); });
}

SteadyClient::~SteadyClient() { (void)stop(); }

void SteadyClient::ask(bool keep_connection) {
  const auto begun = std::chrono::steady_clock::now();
  std::unique_ptr<Connection> connection;
  while (!stopping_) {
    const bool reused = connection && connection->open();
    if (!reused) connection = std::make_unique<Connection>(port_);
    const HttpAnswer answer = connection->get(host_, "/", keep_connection);
    std::string failure;
    if (answer.status != 200) {
      const auto at =
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
      failure = std::to_string(at.count()) + " ms, " + (reused ? "kept" : "new") + " connection: " +
                (answer.status ? "status " + std::to_string(answer.status) + " " + answer.body.substr(0, 120)
                               : answer.error);
    }
    count(failure, answer.body);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void SteadyClient::count(const std::string& failure, const std::string& body) {
  const std::lock_guard lock(mutex_);
  ++asked_.requests;
  if (!failure.empty()) asked_.failures.push_back(failure);
  for (const auto& mark : marks_)
    if (body.find(mark) != std::string::npos) ++asked_.seen[mark];
}

unsigned long SteadyClient::requests() const {
  const std::lock_guard lock(mutex_);
  return asked_.requests;
}

Asked SteadyClient::stop() {
  stopping_ = true;
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
  const std::lock_guard lock(mutex_);
  return asked_;
}

HttpAnswer http_get(int port, const std::string& host, const std::string& path) {
  return Connection(port).get(host, path, false);
}

int unused_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

}  // namespace qleet::test
