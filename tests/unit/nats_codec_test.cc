#include "common/bus/nats_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/patience.h"

namespace qleet::nats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What came out of `bytes`, cut into pieces of that size.
std::vector<std::string> parsed(std::string_view bytes, std::size_t piece) {
  Parser parser;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const auto fed = parser.feed(bytes.substr(at, piece), [&](const Received& got) {
      out.push_back(std::to_string(static_cast<int>(got.what)) + std::string(got.text) +
                    std::string(got.subject) + "|" + std::string(got.reply) + "|" + std::string(got.data));
      return true;
    });
    if (!fed) {
      out.push_back(fed.error().message);
      return out;
    }
  }
  return out;
}

TEST(NatsCodec, WhereverBytesAreCut) {
  const std::string bytes =
      "INFO {\"a\":1}\r\nPING\r\nMSG a.b 7 5\r\n\r\nxy\n\r\nmsg  a 7 r 0\r\n\r\n-ERR 'No "
      "such'\r\n+OK\r\nPONG\r\n";
  const auto whole = parsed(bytes, bytes.size());
  EXPECT_THAT(whole,
              ElementsAre("0{\"a\":1}||", "2||", "1a.b||\r\nxy\n", "1a|r|", "4No such||", "5||", "3||"));
  for (std::size_t piece = 1; piece < bytes.size(); ++piece) EXPECT_EQ(parsed(bytes, piece), whole) << piece;
}

TEST(NatsCodec, RefusesWhatIsNoServer) {
  for (const char* bytes : {"HTTP/1.1 400\r\n", "MSG a\r\n", "MSG a 1 x\r\n", "MSG a 1 r 2 3\r\n",
                            "MSG a 1 99999999999\r\n", "MSG a 1 1\r\nxyz", "\r\n"}) {
    EXPECT_THAT(parsed(bytes, 1000).back(), HasSubstr("no NATS server")) << bytes;
  }
  EXPECT_THAT(parsed(std::string(Parser::kMaxLine + 10, 'x'), 1000).back(), HasSubstr("no NATS server"));
}

TEST(NatsCodec, WhatFollowsAnErrorIsNotTakenNorKept) {
  Parser parser;
  const auto take = [](const Received&) { return true; };
  ASSERT_FALSE(parser.feed("MSG a 1 5\r\nHTTP", take).has_value() && parser.feed("/1.1 400\r\n", take));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(parser.feed("PING\r\n", take));
  EXPECT_EQ(parser.waiting(), 0U);
}

// Of 8 MiB in pieces of 1 KiB: no more than a few copies.
TEST(NatsCodec, ALargeMessageInSmallPiecesCostsLittle) {
  Parser parser;
  const std::string piece(1024, 'x');
  std::size_t got = 0;
  const auto take = [&](const Received& message) { return got = message.data.size(), true; };
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_TRUE(parser.feed("MSG a 1 8388608\r\n", take));
  for (int i = 0; i < 8192; ++i) ASSERT_TRUE(parser.feed(piece, take));
  ASSERT_TRUE(parser.feed("\r\n", take));
  EXPECT_EQ(got, Parser::kMaxData);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, test::patient(std::chrono::seconds(2)))
      << "32 GB would be copied";
}

TEST(NatsCodec, EndsWhenTold) {
  Parser parser;
  int seen = 0;
  ASSERT_TRUE(parser.feed("INFO {}\r\nPING\r\n", [&](const Received&) { return ++seen < 1; }));
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(parser.waiting(), 6);
}

TEST(NatsCodec, Greeting) {
  const auto info = *parse_info(R"({"nonce":"abc","max_payload":1000,"tls_required":true,"port":1})");
  EXPECT_EQ(info.nonce, "abc");
  EXPECT_EQ(info.max_payload, 1000);
  EXPECT_TRUE(info.tls_required);
  EXPECT_FALSE(parse_info("{"));
  EXPECT_EQ(parse_info("{\"max_payload\":-5}")->max_payload, 1U << 20U);
}

TEST(NatsCodec, WhatAClientSays) {
  EXPECT_EQ(connect_line({.name = "a", .jwt = "j", .signature = std::string("\0\xff", 2), .tls = true}),
            "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"qleet\",\"version\":\"" QLEET_VERSION
            "\",\"protocol\":1,\"echo\":true,\"headers\":false,\"no_responders\":false,\"tls_required\":true,"
            "\"name\":\"a\",\"jwt\":\"j\",\"sig\":\"AP8\"}\r\n");
  std::string out;
  append_publish(out, "a", "", "xy");
  append_publish(out, "a", "r", "");
  append_subscribe(out, "a.*", 3);
  append_unsubscribe(out, 3);
  EXPECT_EQ(out, "PUB a 2\r\nxy\r\nPUB a r 0\r\n\r\nSUB a.* 3\r\nUNSUB 3\r\n");
}

}  // namespace
}  // namespace qleet::nats
