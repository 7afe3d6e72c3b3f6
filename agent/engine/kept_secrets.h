// A secret lives as long as the data that it opens: what is generated for a resource that lays its data into
// others (a database into a volume) is kept with those, and goes with them alone. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/engine/graph.h"

namespace qleet::agent {

// Whether there is data in what it makes, a cache too: a secret that opens it is kept with it.
bool bears_data(const wire::v1::DesiredResource& resource);

// Whether that data must not be lost: nothing is made in its place. Hubs before `keeps_data` say so by the
// type alone.
bool keeps_data(const wire::v1::DesiredResource& resource);

// Names of the resources that keep the data which this one's secrets open: those that it depends on, at once
// or through others. The way ends at what keeps data, and at what generates secrets of its own: those guard
// what lies behind.
std::vector<std::string> keepers_of(const Graph& graph, const Node& node);

// Whether the data is in itself, and not in what it depends on.
bool holds_data(const Graph& graph, const Node& node);

// Under which key of Secrets.kept it lies: "<type>/<resource>/<secret>".
std::string kept_key(const Node& node, const std::string& secret);

struct SecretChoice {
  // The value; nullopt: a new one is to be made.
  std::optional<std::string> value;
  // The resource that keeps data which was there before this journal, so that nobody here knows the secret
  // which opens it: none may be made. Empty: there is none such.
  std::string unknown_to;
};

// What a generated secret of `node` is: what is kept with its data; else what somebody else of its type left
// there who does not use it any more (a resource that was renamed); else what it had; else a new one.
SecretChoice choose_secret(const Graph& graph, const Node& node, const std::vector<std::string>& keepers,
                           const std::string& secret);

}  // namespace qleet::agent
