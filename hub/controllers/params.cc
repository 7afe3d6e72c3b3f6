#include "hub/controllers/params.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "common/model/model.h"
#include "common/template/template.h"

namespace qleet::hub::controllers {

using google::protobuf::Struct;

Result<Struct> complete_params(const Struct& schema, const Struct& asked) {
  std::vector<std::string> known;
  for (const auto& [name, declared] : schema.fields()) known.push_back(name);
  std::ranges::sort(known);
  Struct out;
  for (const auto& [name, value] : asked.fields()) {
    if (!schema.fields().contains(name)) {
      const auto near = model::nearest(name, known);
      auto message = near.empty() ? fmt::format("unknown; there is: {}", fmt::join(known, ", "))
                                  : fmt::format("unknown; did you mean \"{}\"?", near);
      return std::unexpected(Error{Code::kInvalid, "wrong params", {{name, std::move(message)}}});
    }
    (*out.mutable_fields())[name] = value;
  }
  for (const auto& [name, declared] : schema.fields()) {
    const auto& fields = declared.struct_value().fields();
    const auto found = fields.find("default");
    if (found != fields.end() && !out.fields().contains(name)) (*out.mutable_fields())[name] = found->second;
  }
  return out;
}

}  // namespace qleet::hub::controllers
