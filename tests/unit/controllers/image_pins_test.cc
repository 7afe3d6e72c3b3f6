#include "hub/controllers/image_pins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/controllers/protos.h"

namespace qleet::hub::controllers {
namespace {

using testing::ElementsAre;

const std::string kOld = "sha256:" + std::string(64, 'a');
const std::string kNew = "sha256:" + std::string(64, 'b');

v1::ApplicationSpec app(const std::string& image) {
  return tests::from_json<v1::ApplicationSpec>(
      R"({"workloads":{"web":{"score":{"containers":{"web":{"image":")" + image + R"("}}}}}})");
}

v1::PinnedImage pin(const std::string& image, const std::string& build = "", bool again = false) {
  v1::PinnedImage pin;
  pin.set_workload("web");
  pin.set_container("web");
  pin.set_image(image);
  pin.set_build(build);
  pin.set_again(again);
  if (build.empty() && image.contains('@')) pin.set_resolved_in("lab");
  return pin;
}

std::string text(const std::vector<v1::PinnedImage>& pins) {
  std::string out;
  for (const auto& pin : pins)
    out += pin.workload() + "/" + pin.container() + "=" + pin.image() + (pin.again() ? " again" : "") +
           (pin.resolved_in().empty() ? "" : " by " + pin.resolved_in()) + ";";
  return out;
}

// The table of image_pins.h, row by row, and what is none of its business.
struct PinCase {
  std::string name, image, before, repushed;
  bool applied = false;
  std::string expected;
};
class TagPins : public testing::TestWithParam<PinCase> {};
TEST_P(TagPins, Decide) {
  const auto& c = GetParam();
  std::vector<v1::PinnedImage> previous;
  if (!c.before.empty()) previous.push_back(pin(c.before));
  v1::ImagePolicy policy;
  policy.set_repushed(c.repushed);
  EXPECT_EQ(text(pin_tags(app(c.image), {}, previous, looks_up_again(policy, c.applied))), c.expected);
}
INSTANTIATE_TEST_SUITE_P(
    Table, TagPins,
    testing::Values(
        PinCase{"FirstTime", "reg/x:v1", "", "", true, "web/web=reg/x:v1;"},
        PinCase{"FirstTimeReleasing", "reg/x:v1", "", "release", true, "web/web=reg/x:v1;"},
        PinCase{"StillWaits", "reg/x:v1", "reg/x:v1", "", true, "web/web=reg/x:v1;"},
        PinCase{"StillWaitsReleasing", "reg/x:v1", "reg/x:v1", "release", true, "web/web=reg/x:v1;"},
        PinCase{"KeptByDefault", "reg/x:v1", "reg/x:v1@" + kOld, "", true,
                "web/web=reg/x:v1@" + kOld + " by lab;"},
        PinCase{"KeptByIgnore", "reg/x:v1", "reg/x:v1@" + kOld, "ignore", true,
                "web/web=reg/x:v1@" + kOld + " by lab;"},
        PinCase{"KeptWhereNobodyApplied", "reg/x:v1", "reg/x:v1@" + kOld, "release", false,
                "web/web=reg/x:v1@" + kOld + " by lab;"},
        PinCase{"LookedUpAgain", "reg/x:v1", "reg/x:v1@" + kOld, "release", true, "web/web=reg/x:v1 again;"},
        PinCase{"AnotherTag", "reg/x:v2", "reg/x:v1@" + kOld, "", true, "web/web=reg/x:v2;"},
        PinCase{"AnotherRepository", "reg/y:v1", "reg/x:v1@" + kOld, "", true, "web/web=reg/y:v1;"},
        PinCase{"NoTagIsATag", "reg/x", "", "", true, "web/web=reg/x;"},
        PinCase{"ADigestStands", "reg/x:v1@" + kNew, "reg/x:v1@" + kOld, "release", true, ""},
        PinCase{"SomebodyElseSays", ".", "", "", true, ""}, PinCase{"Nothing", "", "", "", true, ""}),
    [](const auto& info) { return info.param.name; });

TEST(ImagePins, ABuildsImageIsNoTags) {
  EXPECT_EQ(text(pin_tags(app("reg/x:main-1"), {pin("reg/x:main-1@" + kOld, "b-1")}, {}, false)), "");
  // What a build named before is not what a tag was.
  EXPECT_EQ(text(pin_tags(app("reg/x:main-1"), {}, {pin("reg/x:main-1@" + kOld, "b-1")}, false)),
            "web/web=reg/x:main-1;");
}

v1::ReleaseSpec release(const std::string& image, const v1::PinnedImage& pin) {
  v1::ReleaseSpec spec;
  *spec.mutable_definition() = app(image);
  *spec.add_images() = pin;
  return spec;
}

std::string image_in(const v1::ReleaseSpec& spec) {
  return spec.definition().workloads().at("web").score().containers().at("web").image();
}

TEST(ImagePins, ADigestIsFilledInOnceAndStays) {
  auto spec = release("reg/x:v1", pin("reg/x:v1", "", true));
  EXPECT_EQ(resolve_images(spec, "web"), "again");
  EXPECT_EQ(resolve_images(spec, "other"), "");
  EXPECT_TRUE(waits_for_digest(spec));
  // Of another image, no digest, unknown places: nothing.
  for (const auto* wrong : {"reg/x:v2@", "evil/x:v1@", "reg/x@"})
    EXPECT_FALSE(fill_in(spec, "web", "web", wrong + kOld, "eu")) << wrong;
  EXPECT_FALSE(fill_in(spec, "web", "web", "reg/x:v1", "eu"));
  EXPECT_FALSE(fill_in(spec, "web", "web", "reg/x:v1@sha256:short", "eu"));
  EXPECT_FALSE(fill_in(spec, "web", "web", "reg/x:v1@" + kOld + "\n", "eu"));
  EXPECT_FALSE(fill_in(spec, "web", "side", "reg/x:v1@" + kOld, "eu"));
  EXPECT_TRUE(waits_for_digest(spec));

  EXPECT_TRUE(fill_in(spec, "web", "web", "reg/x:v1@" + kOld, "eu"));
  EXPECT_FALSE(fill_in(spec, "web", "web", "reg/x:v1@" + kNew, "us"));
  EXPECT_EQ(image_in(spec), "reg/x:v1@" + kOld);
  EXPECT_EQ(text({spec.images().begin(), spec.images().end()}), "web/web=reg/x:v1@" + kOld + " by eu;");
  EXPECT_EQ(resolve_images(spec, "web"), "");
  EXPECT_EQ(as_written(spec).workloads().at("web").score().containers().at("web").image(), "reg/x:v1");
}

TEST(ImagePins, SameButRepushed) {
  const auto old = release("reg/x:v1@" + kOld, pin("reg/x:v1@" + kOld));
  EXPECT_TRUE(same_but_repushed("prod", old, release("reg/x:v1@" + kNew, pin("reg/x:v1@" + kNew))));
  EXPECT_TRUE(same_but_repushed("prod", old, release("reg/x:v1", pin("reg/x:v1", "", true))));
  EXPECT_FALSE(same_but_repushed("prod", old, release("reg/x:v2", pin("reg/x:v2"))));
  // What a build or a person named is a change.
  EXPECT_FALSE(same_but_repushed("prod", old, release("reg/x:v1@" + kNew, pin("reg/x:v1@" + kNew, "b-2"))));
}

}  // namespace
}  // namespace qleet::hub::controllers
