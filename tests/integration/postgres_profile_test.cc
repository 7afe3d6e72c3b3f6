// The commands of the profile of a database inside a shared server, in a real PostgreSQL server: what was not
// made for a resource is never adopted, altered or dropped, and what the profile of before made goes on being
// used.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include <csignal>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/model/model.h"
#include "hub/controllers/identity.h"
#include "qleet/v1/profile.pb.h"
#include "tests/support/child.h"
#include "tests/support/free_port.h"
#include "tests/support/temp_dir.h"

namespace qleet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// Where the server's programs lie; empty: nowhere.
fs::path programs() {
  std::vector<fs::path> folders{"/usr/bin", "/usr/local/bin"};
  std::error_code error;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", error))
    folders.insert(folders.begin(), version.path() / "bin");
  for (const auto& folder : folders)
    if (fs::exists(folder / "initdb") && fs::exists(folder / "postgres") && fs::exists(folder / "psql"))
      return folder;
  return {};
}

// One resource, as its agent runs its commands: in the server's container, here beside it.
struct Database {
  std::string application;
  std::string id;
  std::string password;

  hub::controllers::Identity identity() const { return {{"r", "dev", application}, id}; }
  std::string name() const { return hub::controllers::unique_name(identity(), "postgres"); }
  std::string mark() const { return identity().name("postgres"); }
  std::string former() const { return application + "-" + id; }
};

class PostgresProfile : public testing::Test {
 protected:
  void SetUp() override {
    const auto bin = programs();
    if (bin.empty()) GTEST_SKIP() << "there is no PostgreSQL server";
    // It does not run as root.
    if (geteuid() == 0) {
      const auto* user = getpwnam("postgres");
      if (user == nullptr) GTEST_SKIP() << "there is no user postgres";
      ASSERT_EQ(chown(dir_.path().c_str(), user->pw_uid, user->pw_gid), 0);
      as_ = {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"};
    }
    port_ = std::to_string(test::free_port());
    must({bin / "initdb", "-D", dir_ / "data", "--auth-host=scram-sha-256", "--auth-local=trust", "-U",
          "postgres", "--no-sync"});
    auto command = as_;
    for (const std::string& part :
         std::vector<std::string>{bin / "postgres", "-D", dir_ / "data", "-p", port_, "-k", dir_.path(), "-F",
                                  "-c", "listen_addresses=127.0.0.1"})
      command.push_back(part);
    server_ = test::Child(command, dir_ / "log", {{"PATH", "/usr/bin:/bin"}});
    ASSERT_TRUE(test::until([&] { return sql("postgres", "select 1") == "1\n"; })) << read(dir_ / "log");
    const auto profiles = model::decode(read(QLEET_SOURCE_DIR "/profiles/postgres.yaml"));
    ASSERT_TRUE(profiles) << profiles.error().message;
    for (const auto& object : *profiles) {
      const auto& profile = dynamic_cast<const v1::Profile&>(*object);
      if (profile.metadata().name() == "postgres-database") template_ = profile.spec().template_();
    }
  }
  void TearDown() override {
    if (server_.running()) server_.signal(SIGINT);  // ends sessions as well
    server_.stop();
  }

  void must(std::vector<std::string> command) {
    command.insert(command.begin(), as_.begin(), as_.end());
    const auto ran = test::run(command);
    ASSERT_EQ(ran.exit, 0) << ran.err;
  }
  // As the superuser.
  std::string sql(const std::string& database, const std::string& text) {
    return test::run({"psql", "-XAtq", "-h", dir_.path(), "-p", port_, "-U", "postgres", "-d", database, "-c",
                      text})
        .out;
  }
  // As an application does, with what it was told.
  std::string use(const Database& database, const std::string& text, const std::string& name = {}) {
    const auto who = name.empty() ? database.name() : name;
    const auto ran =
        test::run({"psql", "-XAtq", "-h", "127.0.0.1", "-p", port_, "-U", who, "-d", who, "-c", text},
                  {{"PGPASSWORD", database.password}});
    return ran.out + ran.err;
  }
  test::Ran run(const Database& database, const google::protobuf::Value& command) {
    test::Environment environment{
        {"PGHOST", dir_.path()}, {"PGPORT", port_}, {"PASSWORD", database.password}};
    for (const auto& [name, value] : template_.fields().at("env").struct_value().fields()) {
      auto text = value.string_value();
      text = replaced(text, "${metadata.uniqueName}", database.name());
      text = replaced(text, "${metadata.name}", database.mark());
      text = replaced(text, "${metadata.application}", database.application);
      environment[name] = replaced(text, "${metadata.id}", database.id);
    }
    std::vector<std::string> words;
    for (const auto& word : command.list_value().values()) words.push_back(word.string_value());
    return test::run(words, environment);
  }
  // Its commands' words where it is refused; empty: it is there.
  std::string create(const Database& database) {
    for (const auto& command : template_.fields().at("create").list_value().values())
      if (const auto ran = run(database, command); ran.exit != 0) return ran.err;
    return there(database) ? "" : "is not there afterwards";
  }
  bool there(const Database& database) { return run(database, template_.fields().at("check")).exit == 0; }
  void remove(const Database& database) {
    for (const auto& command : template_.fields().at("delete").list_value().values())
      EXPECT_EQ(run(database, command).exit, 0);
  }
  // As the profile of before made it.
  void create_former(const Database& database) {
    if (sql("postgres", fmt::format("select 1 from pg_roles where rolname = '{}'", database.former()))
            .empty())
      sql("postgres", fmt::format("create role \"{}\" login", database.former()));
    sql("postgres", fmt::format("alter role \"{}\" password '{}'", database.former(), database.password));
    sql("postgres", fmt::format("create database \"{0}\" owner \"{0}\"", database.former()));
  }

  test::TempDir dir_;
  std::vector<std::string> as_;
  std::string port_;
  test::Child server_;
  google::protobuf::Struct template_;
};

TEST_F(PostgresProfile, NobodyTouchesAnothersDatabase) {
  const Database pay{"pay", "ments-db", "secret-1"};
  const Database payments{"pay-ments", "db", "secret-2"};
  EXPECT_EQ(create(pay), "");
  EXPECT_EQ(use(pay, "create table t (x int); insert into t values (7)"), "");
  EXPECT_EQ(create(payments), "");
  EXPECT_THAT(use(payments, "select x from t"), HasSubstr("does not exist"));
  EXPECT_EQ(create(pay), "") << "again";
  remove(payments);
  EXPECT_FALSE(there(payments));
  EXPECT_EQ(use(pay, "select x from t"), "7\n");
  // Two whose names are the same up to where PostgreSQL cuts them off.
  const Database long_a{std::string(40, 'x'), std::string(30, 'y') + "a", "secret-3"};
  const Database long_b{std::string(40, 'x'), std::string(30, 'y') + "b", "secret-4"};
  EXPECT_EQ(create(long_a), "");
  EXPECT_EQ(create(long_b), "");
  EXPECT_EQ(use(long_a, "create table t (x int)"), "");
  EXPECT_THAT(use(long_b, "select x from t"), HasSubstr("does not exist"));
  // What somebody made by hand.
  const Database mine{"shop", "db", "secret-5"};
  sql("postgres", fmt::format("create database \"{}\"", mine.name()));
  EXPECT_THAT(create(mine), HasSubstr("was not made for r.dev.shop.postgres.db: give it another name"));
  remove(mine);
  EXPECT_EQ(sql("postgres", fmt::format("select 1 from pg_database where datname = '{}'", mine.name())),
            "1\n");
}

TEST_F(PostgresProfile, WhatTheProfileOfBeforeMadeGoesOnBeingUsed) {
  const Database web{"shop", "web-db", "secret-1"};
  create_former(web);
  EXPECT_EQ(use(web, "create table t (x int); insert into t values (7)", web.former()), "");
  EXPECT_FALSE(there(web));
  EXPECT_EQ(create(web), "");
  EXPECT_EQ(use(web, "select x from t"), "7\n");
  EXPECT_EQ(sql("postgres", fmt::format("select 1 from pg_database where datname = '{}'", web.former())), "");
  // Cut off in the middle of it.
  const Database api{"shop", "api-db", "secret-2"};
  create_former(api);
  EXPECT_EQ(use(api, "create table t (x int); insert into t values (8)", api.former()), "");
  for (const auto* what : {"database", "role"})
    sql("postgres", fmt::format("comment on {} \"{}\" is '{}'", what, api.former(), api.mark()));
  sql("postgres", fmt::format("alter database \"{}\" with allow_connections false", api.former()));
  EXPECT_EQ(create(api), "");
  EXPECT_EQ(use(api, "select x from t"), "8\n");
}

TEST_F(PostgresProfile, WhatTwoSharedBeforeGoesToTheOneWhosePasswordOpensIt) {
  const Database first{"pay", "ments-db", "secret-1"};
  const Database second{"pay-ments", "db", "secret-2"};
  create_former(first);
  create_former(second);
  EXPECT_EQ(use(second, "create table t (x int); insert into t values (7)", second.former()), "");
  EXPECT_THAT(create(first), HasSubstr("database \"pay-ments-db\" has no mark, and the password of "
                                       "r.dev.pay.postgres.ments-db does not open it"));
  remove(first);
  EXPECT_EQ(use(second, "select x from t", second.former()), "7\n");
  EXPECT_EQ(create(second), "");
  EXPECT_EQ(use(second, "select x from t"), "7\n");
  EXPECT_EQ(create(first), "");
  EXPECT_THAT(use(first, "select x from t"), HasSubstr("does not exist"));
}

}  // namespace
}  // namespace qleet
