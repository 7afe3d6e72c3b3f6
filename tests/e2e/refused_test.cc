// Bad input through the real CLI: what a person reads, word for word, and the exit code.
#include <fstream>

#include "tests/e2e/noop_fleet.h"

namespace qleet::test {
namespace {

class Refused : public NoopFleet {
 protected:
  void expect(const std::vector<std::string>& arguments, const std::string& input, int exit,
              const std::string& message, const Environment& environment = {}) const {
    const auto ran = fleet.qleet(arguments, input, environment);
    EXPECT_EQ(ran.exit, exit) << message;
    EXPECT_EQ(ran.err, message);
    EXPECT_EQ(ran.out, "");
  }
  // Of an application "bad" whose only container has these lines on top of its image.
  static std::string with(const std::string& lines) {
    return "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: bad}\nspec:\n  workloads:\n"
           "    web:\n      score:\n        containers:\n          web:\n            image: a/b:1\n" +
           lines;
  }
};

TEST_F(Refused, ApplicationsThatAreWrong) {
  expect({"apply", "-"}, with("            variabels: {A: b}\n"), 8,
         "standard input:11: spec.workloads.web.score.containers.web.variabels: unknown field; did you mean "
         "\"variables\"?\n");
  expect({"apply", "-"}, with("            variables: {A: \"${resources.database.host}\"}\n"), 8,
         "standard input:11: ${resources.database.host}: no resource \"database\" in this workload; there is "
         "none\n");
  expect({"apply", "-"}, "apiVersion: qleet.io/v1\nkind: Aplication\nmetadata: {name: bad}\n", 8,
         "standard input:2: kind: unknown kind \"Aplication\"; did you mean \"Application\"?\n");
  expect({"apply", "-"}, "a: [b\n", 8,
         "standard input:2: a [ that is not closed, or a comma that is missing\n");
  expect({"apply", "-"}, "", 8,
         "qleet: standard input: is empty; a document begins with apiVersion: qleet.io/v1, or, a Score file, "
         "score.dev/v1b1\n");
  expect({"plan", "-"}, "metadata: {name: hello}\ncontainers: {main: {image: a}}\n", 8,
         "standard input:1: apiVersion: is missing; write \"apiVersion: score.dev/v1b1\"\n");
  expect({"apply", "-"}, with("        resources: {db: {type: postgers}}\n"), 8,
         "standard input:11: spec.workloads.web.score.resources.db.type: no profile satisfies type "
         "\"postgers\"; did you mean \"postgres\"?\n");
  expect({"apply", "/no/such/file.yaml"}, "", 8, "qleet: /no/such/file.yaml: no such file or folder\n");
  EXPECT_TRUE(fleet.list("apps").empty()) << "nothing of it was taken";
}

TEST_F(Refused, ScoreFilesThatAreWrong) {
  const std::string file = fleet.folder() / "score.yaml";
  std::ofstream(file) << "apiVersion: score.dev/v1b1\nmetadata: {name: hello}\ncontainers:\n  hello:\n"
                         "    comand: [x]\n    image: a/b:1\n";
  expect({"apply", file}, "", 8,
         file + ":5: containers.hello.comand: unknown field; did you mean \"command\"?\n");
}

TEST_F(Refused, ProfilesThatGoInACircle) {
  const auto profile = [](const std::string& type, const std::string& needs) {
    return "---\napiVersion: qleet.io/v1\nkind: Profile\nmetadata: {name: p-" + type +
           "}\nspec: {satisfies: {type: " + type +
           "}, provider: noop, template: {}, default: true, requires: {x: {type: " + needs + "}}}\n";
  };
  expect({"apply", "-"}, profile("aa", "bb") + profile("bb", "cc") + profile("cc", "aa"), 8,
         "standard input: spec.requires: profiles require each other in a circle: aa -> bb -> cc -> aa "
         "(profile p-aa)\n"
         "standard input: spec.requires: profiles require each other in a circle: bb -> cc -> aa -> bb "
         "(profile p-bb)\n"
         "standard input: spec.requires: profiles require each other in a circle: cc -> aa -> bb -> cc "
         "(profile p-cc)\n");
}

TEST_F(Refused, TooMuch) {
  std::string deep = "apiVersion: qleet.io/v1\nkind: Application\nmetadata: {name: bad}\nspec: ";
  for (int i = 0; i < 200; ++i) deep += "{a: ";
  deep += "b" + std::string(200, '}') + "\n";
  expect({"apply", "-"}, deep, 8, "standard input:4: nested deeper than 32 levels\n");
  expect({"apply", "-"}, with("            variables: {A: \"" + std::string(3 << 20, 'x') + "\"}\n"), 8,
         "qleet: the request body is larger than 1048576 bytes\n");
}

TEST_F(Refused, CredentialsThatDoNotSuffice) {
  expect({"get", "apps"}, "", 5, "qleet: the token is unknown, or was revoked\n", {{"QLEET_TOKEN", "wrong"}});
  const auto token = fleet.qleet({"token", "create", "robot", "--role", "ci"});
  ASSERT_EQ(token.exit, 0) << token.err;
  const Environment robot{{"QLEET_TOKEN", token.out.substr(0, token.out.find('\n'))}};
  expect({"apply", "-"}, shop(), 5, "qleet: serviceaccount:robot (role ci) may not create applications\n",
         robot);
  expect({"get", "apps"}, "", 5, "qleet: serviceaccount:robot (role ci) may not list applications\n", robot);
  const auto told = fleet.qleet({"build", "notify", "--image", build("main-1", '1')}, "", robot);
  EXPECT_EQ(told.exit, 9) << told.err;
  EXPECT_EQ(told.err,
            "qleet: nothing follows registry.test/shop/web:main-1; a workload follows an image that stands "
            "under its "
            "builds.image\n");
}

TEST_F(Refused, ThingsThatAreNot) {
  expect({"describe", "app", "nothing"}, "", 3, "qleet: application nothing does not exist\n");
  expect({"rollback", "nothing"}, "", 3, "qleet: application nothing does not exist\n");
  expect({"get", "aps"}, "", 8, "qleet: no kind \"aps\"; did you mean \"app\"?\n");
  expect({"build", "notify", "--image", "a/b:1@sha256:short"}, "", 8,
         "digest: \"sha256:short\" is not a digest; it is sha256: and 64 hexadecimal digits\n");
  const auto unreachable = fleet.qleet({"get", "apps"}, "", {{"QLEET_HUB", "https://127.0.0.1:1"}});
  EXPECT_EQ(unreachable.exit, 6);
  EXPECT_TRUE(unreachable.err.starts_with(
      "qleet: hub: https://127.0.0.1:1: cannot connect; check that it runs and that the address and port "
      "are right"))
      << unreachable.err;
}

}  // namespace
}  // namespace qleet::test
