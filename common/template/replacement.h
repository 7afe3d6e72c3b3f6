// Whether what a template makes must stop before its next version starts: decided here alone, so that what
// the hub's plan says is what an agent does. Pure.
#pragma once

#include <string>

#include "google/protobuf/struct.pb.h"

namespace qleet::templates {

struct Replacement {
  bool stops_first = false;
  // The volume that cannot be shared, as the template calls it: the alias of ${requires.<alias>...}, or its
  // name. Empty: it is replaced in place whatever it mounts.
  std::string volume;
};

// Of templates of kind "workload" and "container"; others never stop.
//   workload   where `update` says "rolling" or "stopFirst", that. Else it stops first where one replica
//   alone is
//              wanted and one of its containers mounts a volume to write to: two versions would write to it
//              at once, which no program expects of one replica, and what locks its data never starts beside
//              the old one. Several replicas share the volume already, so they are replaced one by one.
//   container  always: it is replaced in place
Replacement replacement_of(const google::protobuf::Struct& object);

}  // namespace qleet::templates
