// Type "secret": which Secret an application is given, who may have it, what follows from a change of it.
#include "hub/controllers/secrets.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/crypto/encoding.h"
#include "hub/controllers/secret_uses.h"
#include "tests/unit/controllers/world.h"

namespace qleet::hub::tests {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// --- the choice --------------------------------------------------------------------------------------

TEST(SecretChoice, TheEnvironmentsOwnGoesFirst) {
  const auto secret = [](const std::string& name, const std::string& environment) {
    return controllers::SecretFacts{.name = name,
                                    .uid = {},
                                    .version = 1,
                                    .id = "stripe",
                                    .environment = environment,
                                    .applications = {},
                                    .keys = {}};
  };
  struct Row {
    std::vector<controllers::SecretFacts> secrets;
    std::string environment;
    std::string chosen;
  };
  const std::vector<Row> rows{
      {{}, "prod", ""},
      {{secret("all", "")}, "prod", "all"},
      {{secret("all", ""), secret("prod", "prod")}, "prod", "prod"},
      {{secret("all", ""), secret("prod", "prod")}, "dev", "all"},
      {{secret("prod", "prod")}, "dev", ""},
      // What all environments of a region share.
      {{secret("all", ""), secret("prod", "prod")}, "", "all"},
      {{secret("prod", "prod")}, "", ""},
  };
  for (const auto& row : rows) {
    controllers::SecretList list(row.secrets);
    const auto chosen = controllers::choose_secret(list.of_id("stripe").value(), row.environment, "shop");
    EXPECT_EQ(chosen ? chosen->name : "", row.chosen) << row.environment;
  }
}

TEST(SecretChoice, ALimitNamesWhoMayUseIt) {
  controllers::SecretFacts facts;
  EXPECT_TRUE(controllers::may_use(facts, "shop"));
  EXPECT_TRUE(controllers::may_use(facts, ""));
  facts.applications = {"shop"};
  EXPECT_TRUE(controllers::may_use(facts, "shop"));
  EXPECT_FALSE(controllers::may_use(facts, "cart"));
  // Nobody of those who share it was allowed to hand it on.
  EXPECT_FALSE(controllers::may_use(facts, ""));
}

// Who may write Secrets for one application must not take another one's away.
TEST(SecretChoice, OneForOthersPutsNobodyOff) {
  const auto secret = [](const std::string& name, const std::string& environment,
                         std::vector<std::string> applications) {
    return controllers::SecretFacts{.name = name,
                                    .uid = {},
                                    .version = 1,
                                    .id = "stripe",
                                    .environment = environment,
                                    .applications = std::move(applications),
                                    .keys = {}};
  };
  controllers::SecretList list({secret("all", "", {}), secret("prod", "prod", {"cart"})});
  const auto chosen = [&](const std::string& application) {
    return controllers::choose_secret(list.of_id("stripe").value(), "prod", application)->name;
  };
  EXPECT_EQ(chosen("cart"), "prod");
  EXPECT_EQ(chosen("shop"), "all");
  EXPECT_EQ(chosen(""), "all");
  controllers::SecretList own({secret("all", "", {}), secret("carts", "", {"cart"})});
  for (const auto& [application, name] :
       std::map<std::string, std::string>{{"cart", "carts"}, {"shop", "all"}})
    EXPECT_EQ(controllers::choose_secret(own.of_id("stripe").value(), "prod", application)->name, name);
  controllers::SecretList alone({secret("prod", "prod", {"cart"})});
  EXPECT_EQ(controllers::choose_secret(alone.of_id("stripe").value(), "prod", "shop")->name, "prod")
      << "to say that it may not be used";
}

// --- the whole hub -----------------------------------------------------------------------------------

const std::string kValue = "correct-horse-battery-staple";

std::string secret(const std::string& name, const std::string& data, const std::string& more = "") {
  return fmt::format("apiVersion: qleet.io/v1\nkind: Secret\nmetadata: {{name: {}}}\nspec: {{data: {}{}}}\n",
                     name, data, more);
}

std::string environment(const std::string& name) {
  return fmt::format("apiVersion: qleet.io/v1\nkind: Environment\nmetadata: {{name: {}}}\nspec: {{}}\n",
                     name);
}

std::string app(const std::string& name, const std::string& resource = "{type: secret, id: stripe}",
                const std::string& placeholder = "${resources.stripe.api_key}",
                const std::string& environments = "[default]") {
  return fmt::format(R"(
apiVersion: qleet.io/v1
kind: Application
metadata: {{name: {}}}
spec:
  environments: {}
  workloads:
    web:
      score:
        containers: {{main: {{image: "reg.example/web:1", variables: {{KEY: "{}"}}}}}}
        resources: {{stripe: {}}}
    other:
      score:
        containers: {{main: {{image: "reg.example/web:1"}}}}
)",
                     name, environments, placeholder, resource);
}

class SecretFlow : public testing::Test {
 protected:
  SecretFlow() {
    world_.join("lab");
    world_.settle();
  }
  v1::ApplyResult apply(const std::string& yaml) {
    auto result = world_.apply(yaml);
    world_.settle();
    return result;
  }
  // Resources whose content an operation changed.
  std::vector<std::string> changed(const std::function<void()>& operation) {
    const auto before = world_.snapshot();
    operation();
    world_.settle();
    std::vector<std::string> names;
    for (const auto& [name, hash] : world_.snapshot()) {
      const auto was = before.find(name);
      if (was == before.end() || was->second != hash) names.push_back(name);
    }
    return names;
  }
  std::string plan(const std::string& yaml) {
    const auto planned =
        frontend::plan(world_.context(), frontend::plan_apply(world_.caller, *model::decode(yaml), {}));
    return planned ? planned->text() : planned.error().message;
  }
  std::string message(const std::string& deployment) {
    const auto found = world_.at<v1::Deployment>(deployment);
    for (const auto& condition : found.status().conditions())
      if (condition.type() == "Ready") return condition.message();
    return "";
  }
  v1::SecretUse use(const std::string& resource) { return world_.at<v1::Resource>(resource).spec().secret(); }
  Result<v1::ApplyResult> patch(const std::string& name, const v1::SecretPatch& what,
                                const frontend::PatchOptions& options = {}) {
    auto result = frontend::patch_secret(world_.context(), world_.caller, name, what, options);
    world_.settle();
    return result;
  }

  World world_;
  const std::string handed_ = "lab.default.shop.secret.stripe";
};

TEST_F(SecretFlow, WhatIsMissingIsRefusedWithTheNearest) {
  EXPECT_THAT(world_.refusal(app("shop")),
              AllOf(HasSubstr("spec.workloads.web.score.resources.stripe.id"),
                    HasSubstr("secret \"stripe\" (asked for by workload web as \"stripe\"): there is none in "
                              "environment default; make it: qleet secret set stripe KEY=-")));
  apply(secret("strype", "{api_key: a}"));
  EXPECT_THAT(world_.refusal(app("shop")), HasSubstr("did you mean \"strype\"?"));
  apply(secret("elsewhere", "{api_key: a}", ", id: stripe, environment: prod"));
  EXPECT_THAT(world_.refusal(app("shop")), HasSubstr("there is one for prod"));
  apply(secret("stripe", "{api_key: a}"));
  EXPECT_THAT(world_.refusal(app("shop", "{type: secret, id: stripe}", "${resources.stripe.api_kye}")),
              AllOf(HasSubstr("containers.main.variables"),
                    HasSubstr("Secret stripe has no such key; did you mean \"api_key\"? there is: api_key")));
  EXPECT_EQ(world_.refusal(app("shop")), "");
}

TEST_F(SecretFlow, ReferencesShowNameAndVersionAlone) {
  apply(secret("stripe", "{api_key: " + kValue + ", tls.crt: b}"));
  apply(app("shop", "{type: secret}", "${resources.stripe.tls.crt}"));
  const std::string own = "lab.default.shop.secret.web.stripe";
  EXPECT_EQ(use(own).name(), "stripe");
  EXPECT_EQ(use(own).version(), 1U);
  // A dot in a key is one in a name.
  EXPECT_THAT(world_.at<v1::Resource>("lab.default.shop.workload.web").ShortDebugString(),
              HasSubstr("${resources.stripe.tls\\\\.crt}"));
  const auto reader = world_.store.snapshot().value();
  for (const auto& entry : reader->scan({}).value()) {
    if (entry.key.starts_with("o/secrets/")) continue;
    EXPECT_THAT(entry.value, Not(HasSubstr(kValue))) << entry.key;
  }
}

TEST_F(SecretFlow, AChangeIsOneOfItsUsersAndOfNobodyElse) {
  apply(secret("stripe", "{api_key: a}"));
  apply(secret("other", "{api_key: a}"));
  apply(app("shop"));
  apply(app("cart", "{type: secret, id: other}"));
  EXPECT_THAT(changed([&] { world_.apply(secret("stripe", "{api_key: b}")); }),
              ElementsAre(handed_, "lab.default.shop.workload.web"));
  EXPECT_EQ(use(handed_).version(), 2U);
  EXPECT_EQ(world_.state("shop.default"), "Ready 1");
  EXPECT_THAT(changed([&] { world_.apply(secret("nobodys", "{api_key: b}")); }), IsEmpty());
}

TEST_F(SecretFlow, PlanSaysWhoRolls) {
  apply(secret("stripe", "{api_key: a}"));
  apply(app("shop"));
  apply(app("cart", "{type: secret, id: stripe}"));
  const auto next = secret("stripe", "{api_key: " + kValue + "}");
  const auto text = plan(next);
  EXPECT_THAT(text, AllOf(HasSubstr("~ web        rolls 1 replica       secret stripe version 1 -> 2"),
                          HasSubstr("~ secret     stripe                changes version 1 -> 2"),
                          HasSubstr("0 to add, 4 to change, 0 to remove; nothing else is touched."),
                          Not(HasSubstr("other")), Not(HasSubstr(kValue))));
  world_.expect_planned(frontend::plan_apply(world_.caller, *model::decode(next), {}),
                        [&] { world_.apply(next); });
}

TEST_F(SecretFlow, AnEnvironmentsOwnTakesTheirPlaceThereAndGivesItBack) {
  apply(environment("prod"));
  apply(secret("stripe", "{api_key: a}"));
  apply(app("shop", "{type: secret, id: stripe}", "${resources.stripe.api_key}", "[default, prod]"));
  const std::string in_prod = "lab.prod.shop.secret.stripe";
  EXPECT_EQ(use(in_prod).name(), "stripe");
  EXPECT_THAT(changed([&] {
                world_.apply(secret("stripe-prod", "{api_key: b}", ", id: stripe, environment: prod"));
              }),
              ElementsAre(in_prod, "lab.prod.shop.workload.web"));
  EXPECT_EQ(use(in_prod).name(), "stripe-prod");
  EXPECT_THAT(changed([&] { world_.apply(secret("stripe", "{api_key: c}")); }),
              ElementsAre(handed_, "lab.default.shop.workload.web"));
  EXPECT_EQ(
      world_.erase("secret", "stripe-prod"),
      "secret stripe-prod is in use by shop in prod: take it out of their resources first, or say --force: "
      "shop in prod will use secret stripe in its place");
  EXPECT_THAT(changed([&] { EXPECT_EQ(world_.erase("secret", "stripe-prod", {.force = true}), ""); }),
              ElementsAre(in_prod, "lab.prod.shop.workload.web"));
  EXPECT_EQ(use(in_prod).name(), "stripe");
  EXPECT_EQ(use(in_prod).version(), 2U);
}

// Who may write Secrets for one application has a free id for that one alone.
TEST_F(SecretFlow, AnIdIsTakenForTheApplicationsThatItNames) {
  apply(secret("cart-stripe", "{api_key: a}", ", id: stripe, applications: [cart]"));
  apply(secret("stripe", "{api_key: b}"));
  apply(app("shop"));
  apply(app("cart"));
  EXPECT_EQ(use(handed_).name(), "stripe");
  EXPECT_EQ(use("lab.default.cart.secret.stripe").name(), "cart-stripe");
  EXPECT_THAT(
      world_.refusal(secret("third", "{api_key: a}", ", id: stripe, applications: [cart, billing]")),
      HasSubstr("Secret cart-stripe is the one of id \"stripe\" for every environment of cart already"));
  EXPECT_THAT(world_.refusal(secret("fourth", "{api_key: a}", ", id: stripe")),
              HasSubstr("Secret stripe is the one of id \"stripe\" for every environment already"));
}

// Asked within the write: what stands may be another's by then.
TEST_F(SecretFlow, ALimitedTokenWritesNoOthersWhateverWayItComes) {
  apply(secret("stripe", "{api_key: a}"));
  const frontend::Caller cart{"serviceaccount:cart", {"cart"}};
  const auto denied = [&](const std::string& yaml) {
    const auto result = frontend::apply(world_.context(), cart, *model::decode(yaml));
    return result ? std::string() : result.error().message;
  };
  EXPECT_THAT(denied(secret("stripe", "{api_key: b}", ", applications: [cart]")),
              HasSubstr("Secret \"stripe\": serviceaccount:cart is for application cart alone"));
  EXPECT_THAT(denied(secret("free", "{api_key: b}")), HasSubstr("under spec.applications"));
  EXPECT_THAT(denied(secret("free", "{api_key: b}", ", applications: [cart, shop]")),
              HasSubstr("cart alone"));
  EXPECT_THAT(denied(app("shop")), HasSubstr("Application \"shop\""));
  EXPECT_FALSE(
      frontend::erase(world_.context(), cart, *model::find_kind("secret"), "stripe", {.force = true}));
  EXPECT_EQ(denied(secret("free", "{api_key: b}", ", applications: [cart]")), "");
  EXPECT_EQ(world_.at<v1::Secret>("stripe").metadata().generation(), 1U);
}

TEST_F(SecretFlow, WhoLosesOneIsTold) {
  apply(environment("prod"));
  apply(secret("stripe", "{api_key: a}"));
  apply(secret("stripe-prod", "{api_key: b}", ", id: stripe, environment: prod"));
  apply(app("shop", "{type: secret, id: stripe}", "${resources.stripe.api_key}", "[default, prod]"));
  const auto& kind = *model::find_kind("secret");
  const auto dry =
      frontend::erase(world_.context(), world_.caller, kind, "stripe-prod", {.dry_run = true, .force = true});
  const auto gone = frontend::erase(world_.context(), world_.caller, kind, "stripe-prod", {.force = true});
  ASSERT_TRUE(gone);
  ASSERT_EQ(gone->users_size(), 1);
  const auto& user = gone->users(0);
  EXPECT_EQ(user.application() + " " + user.environment() + " " + user.region(), "shop prod lab");
  EXPECT_THAT(user.workloads(), ElementsAre("web"));
  EXPECT_EQ(user.fate() + " " + user.secret(), "Replaced stripe");
  EXPECT_EQ(gone->message(), "shop in prod will use secret stripe in its place");
  EXPECT_EQ(dry->users(0).SerializeAsString(), user.SerializeAsString());
  world_.settle();
  const auto last = frontend::erase(world_.context(), world_.caller, kind, "stripe", {.force = true});
  ASSERT_TRUE(last);
  ASSERT_EQ(last->users_size(), 2);
  for (const auto& one : last->users()) EXPECT_EQ(one.fate(), "Kept");
  EXPECT_EQ(
      last->users(0).message(),
      "goes on with the values that it has, and takes no change until a Secret of id \"stripe\" is there "
      "for it again");
}

TEST_F(SecretFlow, WhoMayNotUseItIsRefused) {
  apply(secret("stripe", "{api_key: a}", ", applications: [shop, billing]"));
  EXPECT_THAT(
      world_.refusal(app("cart")),
      HasSubstr("application cart may not use it; it is for shop, billing (spec.applications of Secret "
                "stripe)"));
  EXPECT_EQ(world_.refusal(app("shop")), "");
}

TEST_F(SecretFlow, WhoMayNotUseItAnyMoreGoesOnAndSaysSo) {
  apply(secret("stripe", "{api_key: a}"));
  apply(app("shop"));
  apply(app("cart"));
  const auto before = world_.snapshot();
  const auto result = apply(secret("stripe", "{api_key: a}", ", applications: [shop]"));
  EXPECT_THAT(result.warnings(), ElementsAre(HasSubstr("cart in default uses it and may not any more")));
  EXPECT_EQ(world_.snapshot().at("lab.default.cart.secret.stripe"),
            before.at("lab.default.cart.secret.stripe"));
  EXPECT_EQ(world_.snapshot().at("lab.default.cart.workload.web"),
            before.at("lab.default.cart.workload.web"));
  EXPECT_THAT(message("cart.default"), HasSubstr("application cart may not use it"));
  EXPECT_EQ(use(handed_).version(), 2U);
  apply(secret("stripe", "{api_key: a}"));
  EXPECT_EQ(world_.state("cart.default"), "Ready 1");
  EXPECT_EQ(use("lab.default.cart.secret.stripe").version(), 3U);
}

TEST_F(SecretFlow, AUsedOneIsNotDeletedAndIsMissedWhereItIs) {
  apply(secret("stripe", "{api_key: a}"));
  apply(app("shop"));
  EXPECT_EQ(
      world_.erase("secret", "stripe"),
      "secret stripe is in use by shop in default: take it out of their resources first, or say --force: "
      "shop in default will keep what is there, and take no change until it is made again");
  EXPECT_THAT(changed([&] { EXPECT_EQ(world_.erase("secret", "stripe", {.force = true}), ""); }), IsEmpty());
  EXPECT_THAT(message("shop.default"), HasSubstr("there is none in environment default"));
  EXPECT_THAT(world_.state("shop.default"), HasSubstr("Blocked"));
  // Of another life under the old name: never taken for what it was, though it counts anew.
  EXPECT_THAT(changed([&] { world_.apply(secret("stripe", "{api_key: b}")); }),
              ElementsAre(handed_, "lab.default.shop.workload.web"));
  EXPECT_EQ(world_.state("shop.default"), "Ready 1");
  EXPECT_EQ(world_.erase("app", "shop"), "");
  world_.settle();
  EXPECT_FALSE(world_.get<v1::Resource>(handed_));
  EXPECT_EQ(world_.erase("secret", "stripe"), "");
}

TEST_F(SecretFlow, WhatCannotBeHandedOutIsRefused) {
  std::string keys;
  for (int i = 0; i < 65; ++i) keys += fmt::format("{}k{}: v", i == 0 ? "{" : ", ", i);
  apply(secret("stripe", keys + "}"));
  EXPECT_THAT(world_.refusal(app("shop", "{type: secret, id: stripe}", "${resources.stripe.k1}")),
              HasSubstr("at most 64 keys of 128 characters can be handed out, and Secret stripe has 65"));
  apply(secret("stripe", "{k1: " + std::string(200'000, 'x') + "}"));
  EXPECT_THAT(world_.refusal(app("shop", "{type: secret, id: stripe}", "${resources.stripe.k1}")),
              HasSubstr("its values take 196 KB, at most 164 KB can be sent to an agent"));
  EXPECT_THAT(
      world_.refusal(app("shop", "{type: secret, class: vault, id: stripe}", "${resources.stripe.k1}")),
      HasSubstr("no profile of type \"secret\" has class \"vault\""));
}

TEST_F(SecretFlow, TwoOfOneIdAreRefused) {
  apply(secret("stripe", "{api_key: a}"));
  EXPECT_THAT(world_.refusal(secret("payments", "{api_key: a}", ", id: stripe")),
              HasSubstr("Secret stripe is the one of id \"stripe\" for every environment already"));
  EXPECT_EQ(world_.refusal(secret("payments", "{api_key: a}", ", id: stripe, environment: default")), "");
}

TEST_F(SecretFlow, AProfileOfTheTypeGoesFirst) {
  apply(R"(
apiVersion: qleet.io/v1
kind: Profile
metadata: {name: vault}
spec:
  satisfies: {type: secret}
  provider: noop
  outputs: {api_key: "${generated.key}"}
  default: true
)");
  apply(app("shop"));
  EXPECT_FALSE(world_.at<v1::Resource>("lab.default.shop.secret.stripe").spec().has_secret());
}

TEST_F(SecretFlow, ANewKeyOfTheAgentIsAChangeOfWhatIsSealedToItAlone) {
  apply(secret("stripe", "{api_key: a}"));
  apply(app("shop"));
  const auto key = crypto::base64url(std::string(32, 'k'));
  const auto told = changed([&] {
    const auto agent = world_.at<v1::Region>("lab").status().agent();
    ASSERT_TRUE(frontend::note_box_key(world_.context(), agent, key));
  });
  EXPECT_THAT(told, ElementsAre(handed_));
  // The controllers would write the same.
  EXPECT_THAT(changed([&] { world_.apply(app("shop") + "\n"); }), IsEmpty());
  EXPECT_FALSE(frontend::note_box_key(world_.context(), "lab", "too-short"));
}

// --- by its keys -------------------------------------------------------------------------------------

v1::SecretPatch setting(const std::map<std::string, std::string>& data) {
  v1::SecretPatch patch;
  for (const auto& [key, value] : data) (*patch.mutable_data())[key] = value;
  return patch;
}

TEST_F(SecretFlow, AKeyIsSetWithoutTheOthers) {
  EXPECT_EQ(patch("stripe", setting({{"a", "1"}}))->objects(0).action(), "Created");
  EXPECT_EQ(patch("stripe", setting({{"b", "2"}}))->objects(0).generation(), 2U);
  auto limited = setting({});
  limited.add_applications("shop");
  limited.set_environment("default");
  ASSERT_TRUE(patch("stripe", limited));
  auto gone = setting({{"c", "3"}});
  gone.add_remove("a");
  gone.set_every_application(true);
  ASSERT_TRUE(patch("stripe", gone));
  const auto spec = world_.at<v1::Secret>("stripe").spec();
  EXPECT_EQ(spec.data().size(), 2U);
  EXPECT_EQ(spec.data().at("b"), "2");
  EXPECT_EQ(spec.data().at("c"), "3");
  EXPECT_EQ(spec.environment(), "default");
  EXPECT_TRUE(spec.applications().empty());
}

TEST_F(SecretFlow, ATokenForSomeApplicationsChangesTheirsAlone) {
  apply(secret("stripe", "{api_key: a}"));
  apply(secret("carts", "{api_key: a}", ", applications: [cart]"));
  apply(secret("shops", "{api_key: a}", ", applications: [shop]"));
  world_.caller.applications = {"shop"};
  const auto set = [&](const std::string& name, const std::function<void(v1::SecretPatch&)>& more = {}) {
    v1::SecretPatch what;
    (*what.mutable_data())["api_key"] = "b";
    if (more) more(what);
    const auto done = patch(name, what);
    return done ? std::string() : done.error().message;
  };
  for (const auto* name : {"stripe", "carts", "new"})
    EXPECT_THAT(set(name), HasSubstr("is for application shop alone")) << name;
  EXPECT_EQ(set("shops"), "");
  EXPECT_EQ(set("new", [](auto& what) { what.add_applications("shop"); }), "");
  EXPECT_THAT(set("shops", [](auto& what) { what.set_every_application(true); }), HasSubstr("alone"));
  EXPECT_THAT(set("shops", [](auto& what) { what.add_applications("cart"); }), HasSubstr("alone"));
  EXPECT_THAT(set("stripe", [](auto& what) { what.add_applications("shop"); }), HasSubstr("alone"));
  EXPECT_EQ(world_.at<v1::Secret>("stripe").metadata().generation(), 1U);
}

TEST_F(SecretFlow, AChangeByKeysThatCannotBeIsRefused) {
  const auto refusal = [&](const v1::SecretPatch& what, const frontend::PatchOptions& options = {}) {
    const auto result = patch("stripe", what, options);
    return result ? "" : result.error().message;
  };
  EXPECT_EQ(refusal(setting({})), "secret stripe does not exist");
  apply(secret("stripe", "{api_key: a, old: b}"));
  EXPECT_THAT(refusal(setting({{"a b", "1"}})), HasSubstr("a key of a secret has letters"));
  EXPECT_THAT(refusal(setting({{"a", "qleet-sealed-1:x"}})), HasSubstr("how the hub marks"));
  auto unknown = setting({});
  unknown.add_remove("api_kye");
  EXPECT_EQ(refusal(unknown), "secret stripe has no key \"api_kye\"; did you mean \"api_key\"?");
  EXPECT_THAT(refusal(setting({{"a", "1"}}), {.if_match = 1}), HasSubstr("has changed: read it again"));
  // What is used stays, unless somebody means it.
  apply(app("shop"));
  auto used = setting({});
  used.add_remove("api_key");
  EXPECT_THAT(refusal(used), HasSubstr("what is to be taken out is used by shop/web in default"));
  auto unused = setting({});
  unused.add_remove("old");
  EXPECT_EQ(refusal(unused), "");
  const auto forced = patch("stripe", used, {.force = true});
  ASSERT_TRUE(forced);
  EXPECT_THAT(forced->warnings(),
              ElementsAre(HasSubstr("shop/web in default draws on a key that it does not have")));
  EXPECT_THAT(message("shop.default"), HasSubstr("Secret stripe has no such key"));
}

}  // namespace
}  // namespace qleet::hub::tests
