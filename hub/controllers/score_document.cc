#include "hub/controllers/score_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "common/model/model.h"
#include "common/template/score_text.h"
#include "common/template/template.h"

namespace qleet::hub::controllers {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

enum class Mode {
  kStrict,   // only ${resources.*} and ${metadata.*}
  kLenient,  // these, and anything else literally
  kLiteral,  // everything literally
};

const std::set<std::string_view> kExpanded = {"variables", "files", "volumes"};

bool is_container(const std::string& field) {
  return field.starts_with("containers.") && std::ranges::count(field, '.') == 1;
}

// "containers.<name>.volumes[0].source"; names of containers have no dots, those of variables may.
bool is_volume_source(std::string_view field) {
  if (!field.starts_with("containers.") || !field.ends_with("].source")) return false;
  field.remove_prefix(std::string_view("containers.").size());
  return field.substr(std::min(field.find('.'), field.size())).starts_with(".volumes[");
}

// "${" -> "$${" where it is to stay; with Mode::kLenient placeholders of ours are spared.
std::string escape(const std::string& text, Mode mode) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = std::string_view(text).substr(i);
    if (!rest.starts_with("${")) {
      out += text[i];
      continue;
    }
    const bool already = mode == Mode::kLenient && i > 0 && text[i - 1] == '$';
    const bool ours =
        mode == Mode::kLenient && (rest.starts_with("${resources.") || rest.starts_with("${metadata."));
    out += already || ours ? "$" : "$$";
  }
  return out;
}

class Preparer {
 public:
  Preparer(const std::string& workload, const v1::Score& score, const ResourceReference& reference,
           const ScorePlace& place)
      : workload_(workload), score_(score), reference_(reference), place_(place) {}

  Result<Value> value(const Value& in, Mode mode, const std::string& field) {
    switch (in.kind_case()) {
      case Value::kStringValue:
        return text(in, mode, field);
      case Value::kStructValue: {
        Value out;
        *out.mutable_struct_value() = TRY(fields(in.struct_value(), mode, field));
        return out;
      }
      case Value::kListValue: {
        Value out;
        auto& list = *out.mutable_list_value();
        for (int i = 0; i < in.list_value().values_size(); ++i) {
          *list.add_values() = TRY(value(in.list_value().values(i), mode, fmt::format("{}[{}]", field, i)));
        }
        return out;
      }
      default:
        return in;
    }
  }

  Result<Struct> fields(const Struct& in, Mode mode, const std::string& field) {
    Struct out;
    const auto no_expand = in.fields().find("noExpand");
    const bool raw = no_expand != in.fields().end() && no_expand->second.bool_value();
    for (const auto& [key, child] : in.fields()) {
      auto child_mode = mode;
      if (is_container(field) && kExpanded.contains(key)) child_mode = Mode::kStrict;
      if (key == "content" && raw) child_mode = Mode::kLiteral;
      (*out.mutable_fields())[key] =
          TRY(value(child, child_mode, field.empty() ? key : fmt::format("{}.{}", field, key)));
    }
    return out;
  }

 private:
  Result<Value> text(const Value& in, Mode mode, const std::string& field) {
    Value source = in;
    if (mode != Mode::kStrict) {
      source.set_string_value(escape(in.string_value(), mode));
    } else if (is_volume_source(field) && model::is_name(in.string_value())) {
      source.set_string_value(templates::to_text({"resources", in.string_value()}));
    } else {
      auto text = templates::from_score(in.string_value());
      if (!text) return std::unexpected(at(field, std::move(text).error()));
      source.set_string_value(*std::move(text));
    }
    if (mode == Mode::kLiteral) return source;
    const templates::Lookup lookup = [&](const templates::Path& path) -> Result<std::optional<Value>> {
      // What stands there is text, whatever it looks like.
      if (path.front() == "metadata")
        return templates::escape(TRY(score_metadata(workload_, score_, path, place_)));
      if (path.front() == "resources") {
        Value kept;
        kept.set_string_value(TRY(reference_(path, field)));
        return kept;
      }
      return fail(
          Code::kInvalid,
          fmt::format(
              "${{{}...}}: a Score document may refer to ${{resources.*}} and ${{metadata.*}} only; for "
              "a plain \"${{\" write $${{",
              path.front()));
    };
    auto expanded = templates::expand(source, lookup, false);
    if (!expanded && expanded.error().fields.empty())
      return std::unexpected(at(field, std::move(expanded).error()));
    return expanded;
  }

  static Error at(const std::string& field, Error error) {
    error.fields.push_back({field, error.message});
    return error;
  }

  const std::string& workload_;
  const v1::Score& score_;
  const ResourceReference& reference_;
  const ScorePlace& place_;
};

}  // namespace

Result<Value> score_metadata(const std::string& workload, const v1::Score& score,
                             const std::vector<std::string>& path, const ScorePlace& place) {
  Value found;
  *found.mutable_struct_value() = score.metadata();
  if (!score.metadata().fields().contains("name")) {
    (*found.mutable_struct_value()->mutable_fields())["name"].set_string_value(workload);
  }
  for (const auto& [field, value] :
       {std::pair("environment", &place.environment), {"region", &place.region}}) {
    if (!value->empty() && !score.metadata().fields().contains(field))
      (*found.mutable_struct_value()->mutable_fields())[field].set_string_value(*value);
  }
  for (size_t i = 1; i < path.size(); ++i) {
    const auto& fields = found.struct_value().fields();
    const auto next = found.has_struct_value() ? fields.find(path[i]) : fields.end();
    if (!found.has_struct_value() || next == fields.end()) {
      std::string written = "metadata";
      for (size_t j = 1; j < path.size(); ++j) written += "." + path[j];
      return fail(Code::kInvalid, fmt::format("${{{}}}: the workload's metadata has no such field", written));
    }
    Value value = next->second;
    found = std::move(value);
  }
  return found;
}

Result<Struct> score_document(const std::string& workload, const v1::Score& score,
                              const ResourceReference& reference, const ScorePlace& place) {
  // What asks for other resources is the hub's to act upon; the agent gets the rest.
  v1::Score rest = score;
  rest.clear_resources();
  const auto document = model::to_struct(rest);
  return Preparer(workload, score, reference, place).fields(document, Mode::kLenient, "");
}

}  // namespace qleet::hub::controllers
