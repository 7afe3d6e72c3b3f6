#include "common/model/image_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace qleet::model {
namespace {

TEST(ImageName, NamesARegistryOrNone) {
  EXPECT_EQ(registry_of("nginx:1"), "");
  EXPECT_EQ(registry_of("shop/web"), "");
  EXPECT_EQ(registry_of("reg:5000/web"), "reg:5000");
  EXPECT_EQ(registry_of("localhost/shop/web:1"), "localhost");
  EXPECT_EQ(registry_of("Registry.Example:5000/a@sha256:00"), "registry.example:5000");
}

TEST(ImageName, IsTakenApart) {
  struct Case {
    std::string image, repository, tag, digest;
  };
  for (const auto& c : {
           Case{"nginx", "nginx", "", ""},
           Case{"nginx:1.25", "nginx", "1.25", ""},
           Case{"localhost:5000/web", "localhost:5000/web", "", ""},
           Case{"localhost:5000/web:v1", "localhost:5000/web", "v1", ""},
           Case{"reg/web@sha256:ab", "reg/web", "", "sha256:ab"},
           Case{"reg:5000/web:v1@sha256:ab", "reg:5000/web", "v1", "sha256:ab"},
           Case{"", "", "", ""},
       }) {
    const auto name = split_image(c.image);
    EXPECT_EQ(name.repository, c.repository) << c.image;
    EXPECT_EQ(name.tag, c.tag) << c.image;
    EXPECT_EQ(name.digest, c.digest) << c.image;
  }
}

TEST(ImageName, HasOneFullForm) {
  for (const auto* same : {"nginx", "library/nginx", "docker.io/nginx", "docker.io/library/nginx",
                           "index.docker.io/nginx", "Docker.io/library/nginx"})
    EXPECT_EQ(full_repository(same), "docker.io/library/nginx") << same;
  EXPECT_EQ(full_repository("shop/web"), "docker.io/shop/web");
  EXPECT_EQ(full_repository("localhost/web"), "localhost/web");
  EXPECT_EQ(full_repository("reg:5000/web"), "reg:5000/web");
  EXPECT_EQ(full_repository("Registry.Example/a/b"), "registry.example/a/b");
  EXPECT_FALSE(same_repository("nginx", "quay.io/library/nginx"));
  EXPECT_FALSE(same_repository("shop/web", "shop/api"));
  // Under each of them it may have been noted before.
  const auto all = spellings("library/nginx");
  for (const auto* one : {"nginx", "docker.io/nginx", "index.docker.io/library/nginx", "library/nginx"})
    EXPECT_THAT(all, testing::Contains(one));
  EXPECT_THAT(spellings("reg.example/web"), testing::ElementsAre("reg.example/web"));
}

TEST(ImageName, WhatIsNoneIsTold) {
  struct Case {
    std::string repository, problem;
  };
  for (
      const auto& c : {
          Case{"https://reg.example/web",
               "\"https://reg.example/web\" is a URL, and an image repository has no scheme; leave out "
               "\"https://\""},
          Case{"reg.example/Shop/web",
               "\"reg.example/Shop/web\" has upper case, which image repositories do not have; write "
               "\"reg.example/shop/web\""},
          Case{"reg.example/web:v1", "must be a repository without tag or digest; leave out \":v1\""},
          Case{"reg.example/web@sha256:ab",
               "must be a repository without tag or digest; leave out \"@sha256:ab\""},
          Case{
              "reg.example//web",
              "\"reg.example//web\" is not an image repository; write for example registry.example/shop/web"},
          Case{
              "reg.example/web/",
              "\"reg.example/web/\" is not an image repository; write for example registry.example/shop/web"},
          Case{"reg.example:port/web",
               "\"reg.example:port/web\" is not an image repository; write for example "
               "registry.example/shop/web"},
      })
    EXPECT_EQ(repository_problem(c.repository).value_or(""), c.problem);
  for (const auto* good : {"nginx", "shop/web", "localhost:5000/web", "reg.example/a_b/c-d.e"})
    EXPECT_EQ(repository_problem(good), std::nullopt) << good;
}

}  // namespace
}  // namespace qleet::model
