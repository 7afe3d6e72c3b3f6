#include "common/net/socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <stdexcept>

#include "common/crypto/certificate.h"
#include "tests/support/temp_dir.h"

namespace qleet {
namespace {

// At the other end of nothing: whoever listened took the connection and left.
std::unique_ptr<Socket> left_alone(const std::string& path) {
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener, 1) != 0)
    throw std::runtime_error("nobody can listen at " + path);
  auto socket = Socket::connect_unix(path);
  ::close(::accept(listener, nullptr, nullptr));
  ::close(listener);
  return std::move(socket).value();
}

// The default of a program that thinks nothing of signals, as a command line does.
TEST(Socket, APeerThatHasGoneIsAnErrorAndNoSignal) {
  const auto before = std::signal(SIGPIPE, SIG_DFL);
  const test::TempDir folder;
  const auto plain = left_alone(folder / "plain");
  EXPECT_EQ(plain->write("hello").error().code, Code::kUnavailable);

  const auto ca =
      crypto::make_ca("test", std::chrono::hours(24), WallTime(std::chrono::hours(24 * 365 * 50)));
  const auto trust = TlsTrust::make(ca.value().certificate_pem);
  ASSERT_TRUE(trust);
  const auto secret = left_alone(folder / "secret");
  ASSERT_TRUE(secret->begin_tls(**trust, "hub.test"));
  const auto greeted = secret->handshake();
  ASSERT_FALSE(greeted);
  EXPECT_EQ(greeted.error().code, Code::kUnavailable) << greeted.error().message;
  std::signal(SIGPIPE, before);
}

}  // namespace
}  // namespace qleet
