#include "cli/input.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

#include "cli/sources.h"
#include "common/model/model.h"
#include "common/model/tree.h"
#include "qleet/v1/application.pb.h"

namespace qleet::cli {
namespace {

namespace fs = std::filesystem;

struct Document {
  std::string name;  // for people
  std::string text;
  std::optional<fs::path> folder;  // of the files that it names; none where it is no file itself
};

// What the caller names himself: also a pipe or a link.
Result<Document> named_document(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  Document document{path.string(), std::string(std::istreambuf_iterator<char>(in), {}), std::nullopt};
  if (!in && !in.eof()) return fail(Code::kInvalid, path.string() + ": cannot be read");
  std::error_code error;
  if (fs::is_regular_file(path, error)) document.folder = path.parent_path();
  return document;
}

Result<std::vector<Document>> documents_of_folder(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const auto extension = entry.path().extension();
    if (extension == ".yaml" || extension == ".yml" || extension == ".json")
      names.push_back(entry.path().filename());
  }
  if (names.empty()) return fail(Code::kInvalid, path + ": holds no *.yaml, *.yml or *.json");
  std::ranges::sort(names);
  const auto folder = TRY(SourceFolder::open(path));
  std::vector<Document> documents;
  for (const auto& name : names) {
    const std::string shown = fs::path(path) / name;
    auto text = folder.read(name, kMaxSourceBytes);
    if (!text) return std::unexpected(wrap(std::move(text).error(), shown));
    documents.push_back({shown, *std::move(text), path});
  }
  return documents;
}

Result<std::vector<Document>> documents_of(const std::string& path) {
  if (path == "-")
    return std::vector<Document>{
        {"standard input", std::string(std::istreambuf_iterator<char>(std::cin), {}), std::nullopt}};
  std::error_code error;
  if (!fs::exists(path, error)) return fail(Code::kInvalid, path + ": no such file or folder");
  if (fs::is_directory(path, error)) return documents_of_folder(path);
  return std::vector<Document>{TRY(named_document(path))};
}

// The line of `source: <source>` in one document of a text; 0 when it cannot be found.
int line_of_source(const model::TextNode& node, const std::string& source) {
  for (const auto& entry : node.entries) {
    if (entry.key == "source" && entry.value.text == source) return entry.line;
    if (const int line = line_of_source(entry.value, source)) return line;
  }
  for (const auto& item : node.items) {
    if (const int line = line_of_source(item, source)) return line;
  }
  return 0;
}

// Puts in what the `source` of Score documents names.
class Sources {
 public:
  Sources(const Document& document, std::vector<std::string>& sent) : document_(document), sent_(sent) {}

  // `index`: of the document in its text. False: there was nothing to put in.
  Result<bool> put_into(v1::Application& application, size_t index) {
    bool any = false;
    for (auto& [workload_name, workload] : *application.mutable_spec()->mutable_workloads()) {
      for (auto& [container_name, container] : *workload.mutable_score()->mutable_containers()) {
        for (auto& file : *container.mutable_files()) {
          if (file.source().empty()) continue;
          any = true;
          auto content = read(file.source());
          if (!content) {
            std::string field = "containers." + container_name + ".files";
            model::append_step(field, file.target());
            return std::unexpected(
                located(content.error().message, workload_name, field + ".source", file.source(), index));
          }
          file.set_content(*std::move(content));
          file.clear_source();
        }
      }
    }
    return any;
  }

 private:
  Result<std::string> read(const std::string& source) {
    if (!document_.folder)
      return fail(Code::kInvalid,
                  "is a file beside the document, which is none itself: save the document to a file, "
                  "or put the text under content");
    if (!folder_) folder_.emplace(TRY(SourceFolder::open(*document_.folder)));
    auto content = TRY(folder_->read(source, kMaxSourceBytes));
    sent_.push_back(*document_.folder / fs::path(source).lexically_normal());
    return content;
  }

  // `field`: below the workload's Score document, which may be the whole document.
  Error located(const std::string& why, const std::string& workload, const std::string& field,
                const std::string& source, size_t index) const {
    FieldError wrong{.field = "spec.workloads." + workload + ".score." + field,
                     .message = "\"" + source + "\" " + why};
    wrong.file = document_.name;
    const auto nodes = model::read_documents(document_.text, {});
    if (nodes && index < nodes->size()) {
      const auto& node = (*nodes)[index];
      const auto* version = node.find("apiVersion");
      if (version != nullptr && version->text.starts_with("score.dev/")) wrong.field = field;
      wrong.line = line_of_source(node, source);
    }
    return model::invalid({std::move(wrong)});
  }

  const Document& document_;
  std::vector<std::string>& sent_;
  std::optional<SourceFolder> folder_;
};

// Whether it is one JSON document, which YAML's `---` can join too.
void append_document(std::string& text, const std::string& document) {
  if (!text.empty()) text += "---\n";
  text += document;
  if (!text.ends_with('\n')) text += '\n';
}

}  // namespace

Result<Input> Input::read(const std::vector<std::string>& paths, SourceFiles source_files) {
  Input input;
  for (const auto& path : paths) {
    for (auto& document : TRY(documents_of(path))) {
      // Read here only to put in sources and to learn names; what is wrong with it the hub says, better.
      if (auto objects = model::decode(document.text, {.validate = false})) {
        Sources sources(document, input.sent_files_);
        bool rewritten = false;
        std::string inlined;
        for (size_t i = 0; i < objects->size(); ++i) {
          auto& object = *(*objects)[i];
          if (auto* application = dynamic_cast<v1::Application*>(&object)) {
            input.applications_.push_back(application->metadata().name());
            if (source_files == SourceFiles::kPutIn) rewritten |= TRY(sources.put_into(*application, i));
          }
          append_document(inlined, model::to_yaml(object));
        }
        if (rewritten) document.text = inlined;
      }
      const auto lines_before = static_cast<int>(std::ranges::count(input.text_, '\n'));
      input.parts_.push_back({document.name, lines_before + (input.text_.empty() ? 1 : 2)});
      append_document(input.text_, document.text);
    }
  }
  return input;
}

Error Input::locate(Error error) const {
  for (auto& field : error.fields) {
    if (field.line <= 0) {
      if (parts_.size() == 1) field.file = parts_.front().name;
      continue;
    }
    for (const auto& part : parts_) {
      if (part.first_line <= field.line) field.file = part.name;
    }
    const auto part = std::ranges::find(parts_, field.file, &Part::name);
    if (part != parts_.end()) field.line -= part->first_line - 1;
  }
  return error;
}

}  // namespace qleet::cli
