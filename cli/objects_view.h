// Objects as rows, JSON, YAML or names, by a path or in columns of one's own; once, or with every change.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/query.h"
#include "cli/session.h"
#include "common/model/model.h"

namespace qleet::cli {

Result<model::Object> object_of(const model::Kind& kind, const std::string& json);

struct Listed {
  const model::Kind* kind = nullptr;
  std::vector<std::string> items = {};  // each as JSON
};

// By what the path finds in each; those in which it finds nothing come first. Stable.
Result<> sort_objects(std::vector<std::string>& items, const std::string& path);

// By their names, with numbers in them as numbers: "shop.9" stands before "shop.10".
void sort_by_name(std::vector<std::string>& items);

// By when they were seen last; what was told at one time in the order in which it happened.
void sort_events(std::vector<std::string>& items);

// `single`: the only object was asked for by name, so it stands without a list around it. A table for each
// kind.
Exit print_objects(Session& session, const std::vector<Listed>& listed, bool single);

// Prints what is there and then each change, until it is interrupted or the stream ends. `query` selects;
// `wanted` narrows it further (empty: all); `revision`: of the list, from which on changes are told.
using Wanted = std::function<bool(const google::protobuf::Message&)>;
Exit watch_objects(Session& session, const Listed& listed, Query query, const std::string& revision,
                   const Wanted& wanted);

}  // namespace qleet::cli
