// Objects: written, read, listed, and what never comes out.
#include "qleet/v1/delivery.pb.h"
#include "tests/unit/api/api_fixture.h"

namespace qleet::hub::api {
namespace {

TEST_F(ApiTest, CreatesReadsReplacesAndDeletesWithEtags) {
  const auto created = send("POST", "/v1/regions", std::string(kRegion));
  EXPECT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(header(created, "Location"), "/v1/regions/eu");
  const auto tag = header(created, "ETag");
  EXPECT_NE(created.body.find("\"resourceVersion\":" + std::string("\"") + tag.substr(1, tag.size() - 2)),
            std::string::npos)
      << created.body;

  EXPECT_EQ(send("POST", "/v1/regions", std::string(kRegion)).status, 409);
  EXPECT_EQ(send("GET", "/v1/regions/eu").body, created.body);
  const auto unchanged = send("GET", "/v1/regions/eu", "", "admin", {{"if-none-match", tag}});
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(unchanged.body, "");

  const auto changed = send("PUT", "/v1/regions/eu", region("eu"), "admin", {{"if-match", tag}});
  EXPECT_EQ(changed.status, 200) << changed.body;
  EXPECT_NE(header(changed, "ETag"), tag);
  const auto stale = send("PUT", "/v1/regions/eu", region("eu", "y"), "admin", {{"if-match", tag}});
  EXPECT_EQ(stale.status, 412);
  const auto number = [](const std::string& etag) { return etag.substr(1, etag.size() - 2); };
  EXPECT_EQ(detail(stale),
            fmt::format("Region \\\"eu\\\" has changed: it is at revision {}, not {}; read it again",
                        number(header(changed, "ETag")), number(tag)));
  EXPECT_EQ(send("GET", "/v1/regions/eu", "", "admin", {{"if-none-match", tag}}).status, 200);
  EXPECT_EQ(send("PUT", "/v1/regions/eu", region("eu"), "admin", {{"if-none-match", "*"}}).status, 412);
  EXPECT_EQ(send("DELETE", "/v1/regions/eu", "", "admin", {{"if-match", tag}}).status, 412);
  EXPECT_EQ(send("PUT", "/v1/regions/us", region("us"), "admin", {{"if-match", "\"1\""}}).status, 412);
  EXPECT_EQ(send("PUT", "/v1/regions/us", region("us")).status, 201);

  EXPECT_EQ(send("DELETE", "/v1/regions/eu").status, 200);
  const auto gone = send("GET", "/v1/regions/eu");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(detail(gone), "Region \\\"eu\\\": not found");
  EXPECT_EQ(send("DELETE", "/v1/regions/eu").status, 404);
}

TEST_F(ApiTest, ListsInPagesThatAWatchCanGoOnFrom) {
  for (int i = 0; i < 7; ++i)
    put("regions", fmt::format("r{}", i), [&] {
      v1::Region one;
      one.mutable_metadata()->set_name(fmt::format("r{}", i));
      (*one.mutable_metadata()->mutable_labels())["tier"] = i % 2 ? "odd" : "even";
      return one;
    }());
  const auto first = send("GET", "/v1/regions?limit=2&labelSelector=tier%3Deven");
  EXPECT_EQ(first.status, 200);
  EXPECT_TRUE(first.body.starts_with(R"({"apiVersion":"qleet.io/v1","kind":"RegionList","metadata":{)"))
      << first.body;
  const auto revision = header(first, "X-Resource-Version");
  const auto next = header(first, "X-Continue");
  ASSERT_FALSE(next.empty());
  v1::Region later;
  later.mutable_metadata()->set_name("r9");
  put("regions", "r9", later);
  const auto second = send("GET", "/v1/regions?limit=2&labelSelector=tier%3Deven&continue=" + next);
  EXPECT_NE(second.body.find("\"name\":\"r4\""), std::string::npos) << second.body;
  EXPECT_NE(second.body.find("\"name\":\"r6\""), std::string::npos);
  EXPECT_EQ(second.body.find("\"name\":\"r0\""), std::string::npos);
  EXPECT_EQ(header(second, "X-Resource-Version"), revision) << "of the first page";
  EXPECT_EQ(header(second, "X-Continue"), "");

  auto watched = send("GET", "/v1/regions?watch=true&resourceVersion=" + revision);
  ASSERT_TRUE(watched.stream);
  EXPECT_EQ(watched.content_type, "text/event-stream");
  EXPECT_NE(watched.stream->next().data.find("event: added"), std::string::npos);
  auto resumed = send("GET", "/v1/regions?watch=true&resourceVersion=1", "", "admin",
                      {{"last-event-id", std::to_string((*store.snapshot())->revision())}});
  EXPECT_EQ(resumed.stream->next().data, "") << "the header wins over the address";
}

TEST_F(ApiTest, AListLeavesOutWhatCannotBeReadAndSaysSo) {
  for (const char* name : {"a", "c"}) send("POST", "/v1/regions", region(name));
  v1::Region good;
  for (const char* name : {"a", "c"}) {
    good.mutable_metadata()->set_name(name);
    put("regions", name, good);
  }
  ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
    txn.put(keys::object("regions", "b"), "\xff\xff\xff");
    return {};
  }));
  for (int i = 0; i < 2; ++i) {
    const auto list = send("GET", "/v1/regions");
    EXPECT_EQ(list.status, 200);
    EXPECT_NE(list.body.find("\"name\":\"a\""), std::string::npos) << list.body;
    EXPECT_NE(list.body.find("\"name\":\"c\""), std::string::npos) << list.body;
    EXPECT_NE(list.body.find("\"undecodable\":[{\"name\":\"b\""), std::string::npos) << list.body;
    EXPECT_EQ(header(list, "Warning"), "199 qleet-hub \"Region b cannot be read and is left out\"");
  }
  const auto one = send("GET", "/v1/regions/b");
  EXPECT_EQ(one.status, 500);
  EXPECT_NE(one.body.find("what the store holds of it is damaged"), std::string::npos) << one.body;
  EXPECT_NE(one.body.find("Restore a backup"), std::string::npos);
  EXPECT_NE(send("GET", "/metrics").body.find("qleet_hub_objects_undecodable 1"), std::string::npos);
  auto watched = send("GET", "/v1/regions?watch=true");
  ASSERT_TRUE(watched.stream);
  const auto data = watched.stream->next().data;
  EXPECT_NE(data.find("\"name\":\"c\""), std::string::npos) << data;
  EXPECT_EQ(data.find("event: error"), std::string::npos) << data;
}

// A binding that cannot be read gives nobody anything, and takes nothing from the others.
TEST_F(ApiTest, ADamagedRoleBindingLocksNobodyOut) {
  ASSERT_TRUE(store.transact([&](Txn& txn) -> Result<> {
    txn.put(keys::object("rolebindings", "damaged"), "\xff\xff\xff");
    return {};
  }));
  EXPECT_EQ(send("GET", "/v1/regions", "", "viewer").status, 200);
}

TEST_F(ApiTest, ListsAsYamlDocuments) {
  send("POST", "/v1/regions", region("a"));
  send("POST", "/v1/regions", region("b"));
  const auto list = send("GET", "/v1/regions", "", "admin", {{"accept", "application/yaml"}});
  EXPECT_EQ(list.content_type, "application/yaml");
  EXPECT_EQ(std::ranges::count(list.body, '\n') > 6, true);
  EXPECT_NE(list.body.find("\n---\n"), std::string::npos) << list.body;
}

TEST_F(ApiTest, ListsOneApplicationsOwn) {
  for (const auto* name : {"shop.1", "shop.2", "shopping.1"}) {
    v1::Release release;
    release.mutable_metadata()->set_name(name);
    release.mutable_spec()->set_application(std::string(name).substr(0, std::string(name).find('.')));
    put("releases", name, release);
  }
  const auto list = send("GET", "/v1/releases?application=shop");
  EXPECT_NE(list.body.find("shop.2"), std::string::npos);
  EXPECT_EQ(list.body.find("shopping"), std::string::npos);
}

TEST_F(ApiTest, SecretsComeInAndNeverOut) {
  const std::string secret =
      R"({"apiVersion":"qleet.io/v1","kind":"Secret","metadata":{"name":"s"},"spec":{"data":{"key":"hunter2"}}})";
  const auto created = send("POST", "/v1/secrets", secret);
  EXPECT_EQ(created.status, 201) << created.body;
  auto watched = send("GET", "/v1/secrets?watch=true");
  for (const std::string& shown :
       {created.body, send("GET", "/v1/secrets/s").body, send("GET", "/v1/secrets").body,
        send("GET", "/v1/secrets/s", "", "admin", {{"accept", "application/yaml"}}).body,
        watched.stream->next().data}) {
    EXPECT_EQ(shown.find("hunter2"), std::string::npos);
    EXPECT_NE(shown.find("***"), std::string::npos) << shown;
    EXPECT_NE(shown.find("key"), std::string::npos);
  }
  const auto back = send("PUT", "/v1/secrets/s", send("GET", "/v1/secrets/s").body);
  EXPECT_EQ(back.status, 422);
  EXPECT_EQ(detail(back), "secret s: hidden values cannot be written back");
  EXPECT_NE(back.body.find(R"("field":"spec.data.key")"), std::string::npos) << back.body;
  EXPECT_EQ(send("GET", "/v1/serviceaccounts/ci").body.find("sha256"), std::string::npos);
}

TEST_F(ApiTest, StatusOfALostAgentIsStaleWhereverItIsShown) {
  v1::Resource resource;
  resource.mutable_metadata()->set_name("eu.dev.shop.redis.s");
  resource.mutable_status()->set_state("Ready");
  put("resources", "eu.dev.shop.redis.s", resource);
  const std::string path = "/v1/resources/eu.dev.shop.redis.s";
  const auto tag = header(send("GET", path), "ETag");
  EXPECT_NE(send("GET", path).body.find("\"Ready\""), std::string::npos);
  freshness.stale = true;
  const auto shown = send("GET", path, "", "admin", {{"if-none-match", tag}});
  EXPECT_EQ(shown.status, 200) << "not 304: what is shown has changed, although nothing was written";
  EXPECT_NE(shown.body.find("\"Stale\""), std::string::npos);
  EXPECT_NE(send("GET", "/v1/resources").body.find("\"Stale\""), std::string::npos);
  EXPECT_NE(send("GET", "/v1/describe/resources/eu.dev.shop.redis.s").body.find("\"Stale\""),
            std::string::npos);
}

}  // namespace
}  // namespace qleet::hub::api
