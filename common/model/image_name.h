// Names of container images, as the engines read them: "[host[:port]/]path[:tag][@digest]". A first part that
// is no host belongs to the path, and the host is then docker.io; there, a path of one part stands below
// library/.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qleet::model {

struct ImageName {
  std::string repository;  // as written
  std::string tag;         // empty: none
  std::string digest;      // with its algorithm; empty: none
};

// Takes anything apart; whether the parts are good is for others to say. A colon before the last slash is a
// port.
ImageName split_image(std::string_view image);

// The host (with its port) that an image's or repository's name begins with, in lower case; empty: it names
// none.
std::string registry_of(std::string_view image);

// The repository in full: "nginx" -> "docker.io/library/nginx", "Registry.Example/a" -> "registry.example/a".
// Names that mean one repository have one such form.
std::string full_repository(std::string_view repository);

inline bool same_repository(std::string_view a, std::string_view b) {
  return a == b || full_repository(a) == full_repository(b);
}

// Every way to write that repository, the full one first: under each of them an earlier version may have
// noted it.
std::vector<std::string> spellings(std::string_view repository);

// Why it is no repository, as the end of a sentence that begins with the field; nothing: it is one. Tag and
// digest, a URL and upper case are each told apart.
std::optional<std::string> repository_problem(std::string_view repository);

}  // namespace qleet::model
