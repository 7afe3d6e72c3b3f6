// Whom a container runs as, out of what template and image say.
#include "providers/container/file_owner.h"

#include <gtest/gtest.h>

#include "common/engine/tar.h"

namespace qleet::container {
namespace {

TEST(FileOwner, IsWhomTheContainerRunsAs) {
  const auto read = [](std::string_view path) -> Result<std::string> {
    if (path == "/etc/passwd") return std::string("root:x:0:0::/:\napp:x:1234:1235:App:/home:\nbroken:x\n");
    return std::string("root:x:0:\nstaff:x:50:app\n");
  };
  const std::pair<const char*, std::optional<Owner>> cases[] = {
      {"", Owner{0, 0}},
      {"root", Owner{0, 0}},
      {"0", Owner{0, 0}},
      {"1000", Owner{1000, 0}},
      {"1000:1001", Owner{1000, 1001}},
      {"1000:staff", Owner{1000, 50}},
      {"app", Owner{1234, 1235}},
      {"app:staff", Owner{1234, 50}},
      {"app:7", Owner{1234, 7}},
      {"nobody", std::nullopt},
      {"broken", std::nullopt},
      {"app:nogroup", std::nullopt},
      {"-1", std::nullopt},
  };
  for (const auto& [user, owner] : cases) {
    const auto found = find_owner(user, read);
    ASSERT_TRUE(found) << user;
    EXPECT_EQ(*found, owner) << user;
  }
  const auto unread = [](std::string_view) -> Result<std::string> { return fail(Code::kUnavailable, "x"); };
  EXPECT_FALSE(find_owner("app", unread));
  EXPECT_TRUE(find_owner("1000", unread)) << "nothing to look up";
}

std::string header(char type, const std::string& size, const std::string& link = "") {
  std::string out(512, '\0');
  out.replace(0, 6, "passwd");
  out.replace(124, size.size(), size);
  out[156] = type;
  out.replace(157, link.size(), link);
  return out;
}

TEST(Tar, GivesItsFirstFile) {
  const std::string body = "root:x:0:0" + std::string(502, '\0');
  EXPECT_EQ(containers::first_file(header('0', "00000000012") + body)->content, "root:x:0:0");
  EXPECT_EQ(containers::first_file(header('5', "00000000000") + header('0', "00000000012") + body)->content,
            "root:x:0:0");
  EXPECT_EQ(
      containers::first_file(header('x', "00000000012") + body + header('0', "00000000004") + body)->content,
      "root");
  EXPECT_EQ(containers::first_file(header('2', "00000000000", "../usr/passwd"))->links_to, "../usr/passwd");
  EXPECT_FALSE(containers::first_file(""));
  EXPECT_FALSE(containers::first_file("short"));
  EXPECT_FALSE(containers::first_file(std::string(1024, '\0')));
  EXPECT_FALSE(containers::first_file(header('0', "77777777777")));
  EXPECT_FALSE(containers::first_file(header('x', "77777777777") + body));
  EXPECT_FALSE(containers::first_file(header('0', "zz")));
}

}  // namespace
}  // namespace qleet::container
