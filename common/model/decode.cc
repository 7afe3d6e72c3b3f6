#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/model/fill.h"
#include "common/model/lines.h"
#include "common/model/model.h"
#include "common/model/tree.h"
#include "qleet/v1/application.pb.h"

namespace qleet::model {
namespace {

using google::protobuf::Message;

constexpr std::string_view kScoreVersion = "score.dev/v1b1";

std::string kind_names() {
  std::vector<std::string_view> names;
  for (const auto& kind : kinds()) {
    if (kind.user_writable) names.push_back(kind.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

// A top-level word of a document; empty when it is missing or no text.
std::string_view word_of(const TextNode& document, std::string_view key) {
  const auto* node = document.find(key);
  return node != nullptr && node->type == TextNode::Type::kString ? std::string_view(node->text)
                                                                  : std::string_view();
}

// Gives each error the line of its field, or of the nearest one around it that is in the text, and calls the
// field as it is called there.
void add_lines(const TextNode& document, std::vector<FieldError>& errors) {
  const Lines lines(document);
  for (auto& error : errors) {
    error.field = lines.written(error.field);
    error.line = lines.find(error.field).line;
    if (error.line == 0) error.line = document.line;
  }
}

class Decoder {
 public:
  explicit Decoder(bool validate) : validate_(validate) {}

  void decode(const TextNode& document) {
    if (document.type != TextNode::Type::kMap) {
      return wrong("", document.line, "an object is expected, with apiVersion, kind, metadata and spec");
    }
    if (is_list(word_of(document, "kind"))) return decode_list(document);
    if (!document.find("apiVersion")) {
      const bool score = document.find("containers") != nullptr;
      return wrong("apiVersion", document.line,
                   fmt::format("is missing; write \"apiVersion: {}\"", score ? kScoreVersion : kApiVersion));
    }
    const auto version = word_of(document, "apiVersion");
    if (version == kScoreVersion) return decode_score(document);
    if (version != kApiVersion) {
      return wrong("apiVersion", document.find("apiVersion")->line,
                   fmt::format("unknown version \"{}\"; known are {} and, for Score files, {}", version,
                               kApiVersion, kScoreVersion));
    }
    decode_object(document);
  }

  Result<std::vector<Object>> finish() {
    if (!errors_.empty()) return std::unexpected(invalid(std::move(errors_)));
    return std::move(objects_);
  }

 private:
  void wrong(std::string field, int line, std::string message) {
    errors_.push_back({std::move(field), std::move(message), line, ""});
  }

  // "List", "ApplicationList": what the API answers for several objects.
  static bool is_list(std::string_view kind) {
    if (!kind.ends_with("List")) return false;
    kind.remove_suffix(4);
    return kind.empty() || std::ranges::find(kinds(), kind, &Kind::name) != kinds().end();
  }

  void decode_list(const TextNode& document) {
    const auto* items = document.find("items");
    if (items == nullptr || items->type != TextNode::Type::kList)
      return wrong("items", document.line, "a List needs a list of objects under items");
    for (const auto& item : items->items) decode(item);
  }

  void decode_object(const TextNode& document) {
    const auto* kind_node = document.find("kind");
    if (kind_node == nullptr)
      return wrong("kind", document.line, fmt::format("is missing; write one of {}", kind_names()));
    const auto word = word_of(document, "kind");
    const auto known = std::ranges::find(kinds(), word, &Kind::name);
    if (known == kinds().end()) return unknown_kind(word, kind_node->line);

    Object object(known->prototype->New());
    const auto before = errors_.size();
    Filler(errors_).fill(document, *object, {});
    if (!has_name(document, *object)) {
      const auto* metadata = document.find("metadata");
      wrong("metadata.name", metadata != nullptr ? metadata->line : document.line, "is missing");
    }
    if (errors_.size() > before) return;
    accept(document, std::move(object), "");
  }

  // Also true where a name of a wrong type has been refused already. A build is named by what it is.
  static bool has_name(const TextNode& document, const Message& object) {
    if (!meta(object).name().empty() || kind_of(object).name == "Build") return true;
    const auto* metadata = document.find("metadata");
    if (metadata == nullptr || metadata->type == TextNode::Type::kNull) return false;
    if (metadata->type != TextNode::Type::kMap) return true;
    const auto* name = metadata->find("name");
    return name != nullptr && name->type != TextNode::Type::kNull && name->type != TextNode::Type::kString;
  }

  void unknown_kind(std::string_view word, int line) {
    std::vector<std::string> known;
    known.reserve(kinds().size());
    for (const auto& kind : kinds()) known.emplace_back(kind.name);
    const auto near = nearest(word, known);
    wrong("kind", line,
          near.empty() ? fmt::format("unknown kind \"{}\"; known are {}", word, kind_names())
                       : fmt::format("unknown kind \"{}\"; did you mean \"{}\"?", word, near));
  }

  // A Score file is an application of one workload, both named after it.
  void decode_score(const TextNode& document) {
    auto application = std::make_unique<qleet::v1::Application>();
    qleet::v1::Score score;
    const auto before = errors_.size();
    Filler(errors_).fill(document, score, {});
    const auto& metadata = score.metadata().fields();
    const auto found = metadata.find("name");
    if (found == metadata.end() || found->second.string_value().empty()) {
      const auto* node = document.find("metadata");
      wrong("metadata.name", node != nullptr ? node->line : document.line, "is missing");
    } else if (!is_name(found->second.string_value())) {
      wrong("metadata.name", document.find("metadata")->find("name")->line,
            name_rule(found->second.string_value()));
    }
    if (errors_.size() > before) return;
    const std::string name = found->second.string_value();
    application->set_api_version(std::string(kApiVersion));
    application->set_kind("Application");
    application->mutable_metadata()->set_name(name);
    *(*application->mutable_spec()->mutable_workloads())[name].mutable_score() = std::move(score);
    accept(document, std::move(application), fmt::format("spec.workloads.{}.score.", name));
  }

  // `prefix`: what stands before each field's path in the object and not in the text.
  void accept(const TextNode& document, Object object, std::string_view prefix) {
    auto errors = validate_ ? validate(*object) : std::vector<FieldError>();
    for (auto& error : errors) {
      if (error.field.starts_with(prefix)) error.field.erase(0, prefix.size());
    }
    if (!errors.empty()) {
      add_lines(document, errors);
      errors_.insert(errors_.end(), std::make_move_iterator(errors.begin()),
                     std::make_move_iterator(errors.end()));
      return;
    }
    const auto& name = meta(*object).name();
    const std::pair key(kind_of(*object).name, name);
    if (const auto [first, fresh] = seen_.emplace(key, document.line); !fresh && !name.empty()) {
      return wrong("metadata.name", document.line,
                   fmt::format("{} \"{}\" is given twice, first in line {}", key.first, name, first->second));
    }
    objects_.push_back(std::move(object));
  }

  const bool validate_;
  std::vector<Object> objects_;
  std::vector<FieldError> errors_;
  std::map<std::pair<std::string_view, std::string>, int> seen_;  // kind, name -> line
};

}  // namespace

std::string describe(const FieldError& error) {
  std::string out;
  if (!error.file.empty()) {
    out = error.line > 0 ? fmt::format("{}:{}: ", error.file, error.line) : error.file + ": ";
  } else if (error.line > 0) {
    out = fmt::format("line {}: ", error.line);
  }
  // A placeholder names its place better than the path of the text that it stands in.
  if (!error.field.empty() && !error.message.starts_with("${")) out += error.field + ": ";
  return out + error.message;
}

Error invalid(std::vector<FieldError> fields) {
  std::string message = fields.empty() ? "invalid" : describe(fields.front());
  if (fields.size() > 1) message += fmt::format(" (and {} more)", fields.size() - 1);
  return {Code::kInvalid, std::move(message), std::move(fields)};
}

std::string name_rule(std::string_view name) {
  return fmt::format(
      "\"{}\" is not a name: lower-case letters, digits and - only, at most 63, not starting or ending with "
      "-",
      name);
}

Result<std::vector<Object>> decode(std::string_view text, const DecodeLimits& limits) {
  auto documents = read_documents(text, limits);
  if (!documents) return std::unexpected(std::move(documents).error());
  if (documents->empty()) return fail(Code::kInvalid, "there is no object in the input");
  Decoder decoder(limits.validate);
  for (const auto& document : *documents) decoder.decode(document);
  return decoder.finish();
}

Result<> decode_into(std::string_view text, Message& message, const DecodeLimits& limits) {
  auto documents = read_documents(text, limits);
  if (!documents) return std::unexpected(std::move(documents).error());
  if (documents->size() != 1 || documents->front().type != TextNode::Type::kMap)
    return fail(Code::kInvalid, "exactly one object is expected");
  std::vector<FieldError> errors;
  Filler(errors).fill(documents->front(), message, {});
  if (!errors.empty()) return std::unexpected(invalid(std::move(errors)));
  return {};
}

}  // namespace qleet::model
