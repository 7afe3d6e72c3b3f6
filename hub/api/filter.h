// Which objects a list or a watch is about.
#pragma once

#include <string>
#include <vector>

#include "common/model/model.h"
#include "common/result/result.h"
#include "hub/api/message.h"

namespace qleet::hub::api {

struct Filter {
  std::string selector;  // over labels
  std::string application;
  std::string environment;
  std::string region;
  std::vector<std::string> only;  // of these applications (hub/access/reach.h); empty: whichever

  bool matches(const google::protobuf::Message& object) const;
  // False for what is others', whatever else is asked for.
  bool reaches(const google::protobuf::Message& object) const;
  // Whether an object that matches may be one that does not later on.
  bool may_change() const { return !selector.empty() || !only.empty(); }
  // Everything that can match has a key with this prefix: names hold application, environment and region
  // where they identify the object, so that asking for one application's releases reads no others.
  std::string key_prefix(const model::Kind& kind) const;
  // Takes out of an object that matches what is not for who asks.
  void narrow(google::protobuf::Message& object) const;
};

// From labelSelector, application, environment and region. kInvalid for a malformed selector, and for a field
// that this kind does not have.
Result<Filter> read_filter(const Request& request, const model::Kind& kind);

}  // namespace qleet::hub::api
