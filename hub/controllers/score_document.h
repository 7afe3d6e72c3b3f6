// A workload's Score document, made ready to stand in a profile's template. Pure.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/result/result.h"
#include "google/protobuf/struct.pb.h"
#include "qleet/v1/application.pb.h"

namespace qleet::hub::controllers {

// Where it runs: ${metadata.environment} and ${metadata.region}, unless the document has metadata of these
// names.
struct ScorePlace {
  std::string environment;
  std::string region;
};

// Checks ${resources.<name>...} at `field` (a path below the Score document) and says what shall stand there
// instead: the same, a more exact form, or what it is, as templates::escape makes it.
using ResourceReference =
    std::function<Result<std::string>(const std::vector<std::string>& path, const std::string& field)>;

// The document as JSON. ${metadata.*} is filled in; ${resources.*} goes through `reference`; any other
// placeholder is kInvalid with its field in variables, files and volumes, and stays literal elsewhere (a
// shell's
// ${HOME} in args). Files with noExpand stay literal as a whole. What stays literal is escaped ("$${"), for
// the agent expands once more.
Result<google::protobuf::Struct> score_document(const std::string& workload, const v1::Score& score,
                                                const ResourceReference& reference,
                                                const ScorePlace& place = {});

// The value of ${metadata.<path>}: the document's own metadata; name is the workload's where it has none.
Result<google::protobuf::Value> score_metadata(const std::string& workload, const v1::Score& score,
                                               const std::vector<std::string>& path,
                                               const ScorePlace& place = {});

}  // namespace qleet::hub::controllers
