#include "cli/input.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "common/model/model.h"
#include "qleet/v1/application.pb.h"

namespace qleet::cli {
namespace {

namespace fs = std::filesystem;

Result<std::string> contents(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in && !in.eof()) return fail(Code::kInvalid, path.string() + ": cannot be read");
  return text;
}

Result<std::vector<fs::path>> files_of(const std::string& path) {
  if (path == "-") return std::vector<fs::path>{path};
  std::error_code error;
  if (!fs::exists(path, error)) return fail(Code::kInvalid, path + ": no such file or folder");
  if (!fs::is_directory(path, error)) return std::vector<fs::path>{path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const auto extension = entry.path().extension();
    if (extension == ".yaml" || extension == ".yml" || extension == ".json") files.push_back(entry.path());
  }
  if (files.empty()) return fail(Code::kInvalid, path + ": holds no *.yaml, *.yml or *.json");
  std::ranges::sort(files);
  return files;
}

// Puts in what `source` names. False: there was nothing to put in.
Result<bool> inline_sources(v1::Application& application, const fs::path& folder) {
  bool any = false;
  for (auto& [workload_name, workload] : *application.mutable_spec()->mutable_workloads()) {
    for (auto& [container_name, container] : *workload.mutable_score()->mutable_containers()) {
      for (auto& file : *container.mutable_files()) {
        if (file.source().empty()) continue;
        const fs::path path = folder / file.source();
        if (!fs::is_regular_file(path)) {
          return fail(Code::kInvalid, "workload " + workload_name + ", container " + container_name +
                                          ", file " + file.target() + ": source " + path.string() +
                                          " does not exist");
        }
        file.set_content(TRY(contents(path)));
        file.clear_source();
        any = true;
      }
    }
  }
  return any;
}

// Whether it is one JSON document, which YAML's `---` can join too.
void append_document(std::string& text, const std::string& document) {
  if (!text.empty()) text += "---\n";
  text += document;
  if (!text.ends_with('\n')) text += '\n';
}

}  // namespace

Result<Input> Input::read(const std::vector<std::string>& paths) {
  Input input;
  for (const auto& path : paths) {
    for (const auto& file : TRY(files_of(path))) {
      const bool standard_input = file == "-";
      std::string text =
          standard_input ? std::string(std::istreambuf_iterator<char>(std::cin), {}) : TRY(contents(file));
      // Read here only to put in sources and to learn names; what is wrong with it the hub says, better.
      if (auto objects = model::decode(text, {.validate = false})) {
        bool rewritten = false;
        std::string inlined;
        for (auto& object : *objects) {
          if (auto* application = dynamic_cast<v1::Application*>(object.get())) {
            input.applications_.push_back(application->metadata().name());
            rewritten |=
                TRY(inline_sources(*application, standard_input ? fs::path(".") : file.parent_path()));
          }
          append_document(inlined, model::to_yaml(*object));
        }
        if (rewritten) text = inlined;
      }
      const auto lines_before = static_cast<int>(std::ranges::count(input.text_, '\n'));
      input.parts_.push_back(
          {standard_input ? "standard input" : file.string(), lines_before + (input.text_.empty() ? 1 : 2)});
      append_document(input.text_, text);
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
