#include "hub/api/connection_table.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace qleet::hub::api {
namespace {

class Client final : public ConnectionTable::Member {
 public:
  Client(ConnectionTable& table, std::string address) : Member(std::move(address)), table_(table) {
    if (const auto refusal = table_.join(*this)) refused = refusal->status;
  }
  ~Client() { table_.leave(*this); }

  using Member::begin_answer;
  using Member::end_answer;

  int refused = 0;
  int asked = 0;  // to make room

 private:
  void make_room() override { ++asked; }
  void stop() override {}

  ConnectionTable& table_;
};

using Room = ConnectionTable::Room;

TEST(ConnectionTable, WhoeverHoldsManyMakesRoomFirst) {
  ConnectionTable table(3, 10);
  const Client early(table, "a");
  const Client one(table, "b");
  const Client other(table, "b");
  EXPECT_EQ(table.make_room(), Room::kMade);
  EXPECT_EQ(early.asked, 0);
  EXPECT_EQ(one.asked + other.asked, 1);
  EXPECT_EQ(one.asked, 1) << "it has waited longer";
  const Client newcomer(table, "c");
  EXPECT_EQ(newcomer.refused, 0);
}

TEST(ConnectionTable, NobodyWhoIsAnsweredMakesRoom) {
  ConnectionTable table(2, 10);
  Client busy(table, "a");
  Client idle(table, "a");
  busy.begin_answer();
  EXPECT_EQ(table.make_room(), Room::kMade);
  EXPECT_EQ(busy.asked, 0);
  EXPECT_EQ(idle.asked, 1);
  EXPECT_EQ(Client(table, "b").refused, 0);
  EXPECT_EQ(table.make_room(), Room::kThere) << "one is on its way out already, the other is busy";
  EXPECT_EQ(idle.asked, 1);
}

TEST(ConnectionTable, OneTooManyOfAllOrOfAnAddressIsRefused) {
  ConnectionTable table(3, 1);
  const Client first(table, "a");
  EXPECT_EQ(Client(table, "a").refused, 429);
  const Client second(table, "b");
  const Client third(table, "c");
  EXPECT_EQ(Client(table, "d").refused, 503);
}

TEST(ConnectionTable, WhoHasARequestToAnswerAfterAllStillCounts) {
  ConnectionTable table(1, 10);
  Client client(table, "a");
  // However often it is asked and stays.
  for (int i = 1; i <= 3; ++i) {
    EXPECT_EQ(table.make_room(), Room::kMade);
    EXPECT_EQ(client.asked, i);
    client.begin_answer();
    table.stay(client);
    EXPECT_EQ(Client(table, "b").refused, 503);
    client.end_answer();
  }
}

TEST(ConnectionTable, BeyondCourtesyThereIsNotEvenARefusal) {
  ConnectionTable table(1, 1'000);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 1'000 && table.make_room() != Room::kNone; ++i)
    clients.push_back(std::make_unique<Client>(table, "a"));
  EXPECT_EQ(clients.size(), 65U);
  clients.clear();
  EXPECT_EQ(table.size(), 0U);
  EXPECT_EQ(table.make_room(), Room::kThere);
}

}  // namespace
}  // namespace qleet::hub::api
