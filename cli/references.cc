#include "cli/references.h"

#include "cli/score_nodes.h"
#include "common/model/base64.h"

namespace qleet::cli {
namespace {

using model::TextNode;

const model::Entry* entry_of(const TextNode& node, std::string_view key) {
  for (const auto& entry : node.entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

// "containers.web." of each container, below the document's own fields.
template <class Visit>
Result<> each_container(const TextNode& document, const Visit& visit) {
  for (const auto& score : score_nodes(document)) {
    const auto* containers = score.node->find("containers");
    if (containers == nullptr) continue;
    for (const auto& container : containers->entries) {
      std::string field = score.prefix + "containers";
      model::append_step(field, container.key);
      TRY(visit(container.value, field));
    }
  }
  return {};
}

}  // namespace

Result<std::string> References::read(const std::string& source) {
  if (!folder_)
    return fail(
        Code::kInvalid,
        "is a file beside the document, which is none itself: save the document to a file, or put the "
        "text under content");
  if (!opened_) opened_.emplace(TRY(SourceFolder::open(*folder_)));
  return opened_->read(source, kMaxSourceBytes);
}

Result<> References::put_source(const TextNode& file, const std::string& field, Splices& splices) {
  const auto* source = entry_of(file, "source");
  // What is given twice, or as something else, is refused by who reads it.
  if (source == nullptr || source->value.type != TextNode::Type::kString || source->value.text.empty() ||
      file.find("content") != nullptr || file.find("binaryContent") != nullptr)
    return {};
  const auto& name = source->value.text;
  FieldError place{.field = field + ".source", .message = "", .line = source->line, .file = name_};
  const auto wrong = [&](const std::string& why) {
    place.message = "\"" + name + "\" " + why;
    return std::unexpected(model::invalid({place}));
  };
  const auto content = read(name);
  if (!content) return wrong(content.error().message);
  const bool text = model::is_text(*content);
  const auto put_in = text ? *content : model::base64(*content);
  if (const auto done = splices.rename(*source, text ? "content" : "binaryContent"); !done)
    return wrong(done.error().message);
  if (const auto done = splices.replace(source->value, put_in); !done) return wrong(done.error().message);
  sent_.push_back({*folder_ / std::filesystem::path(name).lexically_normal(), put_in.size(), place});
  return {};
}

Result<> References::put_sources(const TextNode& document, Splices& splices) {
  return each_container(document, [&](const TextNode& container, const std::string& field) -> Result<> {
    const auto* files = container.find("files");
    if (files == nullptr) return {};
    for (const auto& entry : files->entries) {
      std::string place = field + ".files";
      model::append_step(place, entry.key);
      TRY(put_source(entry.value, place, splices));
    }
    for (size_t i = 0; i < files->items.size(); ++i) {
      std::string place = field + ".files";
      model::append_step(place, static_cast<int>(i));
      TRY(put_source(files->items[i], place, splices));
    }
    return {};
  });
}

Result<size_t> References::put_image(const TextNode& document, const std::string& image,
                                     Splices& splices) const {
  size_t count = 0;
  TRY(each_container(document, [&](const TextNode& container, const std::string& field) -> Result<> {
    const auto* found = entry_of(container, "image");
    if (found == nullptr || found->value.text != ".") return {};
    ++count;
    const auto done = splices.replace(found->value, image);
    if (done) return {};
    return std::unexpected(model::invalid({{field + ".image", done.error().message, found->line, name_}}));
  }));
  return count;
}

}  // namespace qleet::cli
