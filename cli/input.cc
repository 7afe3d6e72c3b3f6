#include "cli/input.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>

#include "cli/references.h"
#include "cli/score_nodes.h"
#include "cli/sources.h"
#include "cli/splices.h"
#include "common/model/lines.h"
#include "common/model/model.h"
#include "common/model/tree.h"

namespace qleet::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

struct Document {
  std::string name;  // for people
  std::string text;
  std::optional<fs::path> folder;  // of the files that it names; none where it is no file itself
  bool of_folder = false;          // one of several that nobody named
};

// What the caller names himself: also a pipe or a link.
Result<Document> named_document(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  Document document{path.string(), std::string(std::istreambuf_iterator<char>(in), {}), std::nullopt, false};
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
    documents.push_back({shown, *std::move(text), path, true});
  }
  return documents;
}

Result<std::vector<Document>> documents_of(const std::string& path) {
  if (path == "-")
    return std::vector<Document>{
        {"standard input", std::string(std::istreambuf_iterator<char>(std::cin), {}), std::nullopt, false}};
  std::error_code error;
  if (!fs::exists(path, error)) return fail(Code::kInvalid, path + ": no such file or folder");
  if (fs::is_directory(path, error)) return documents_of_folder(path);
  return std::vector<Document>{TRY(named_document(path))};
}

// `---` joins documents of both languages.
void append_document(std::string& text, std::string_view document) {
  if (!text.empty()) text += "---\n";
  text += document;
  if (!text.ends_with('\n')) text += '\n';
}

// What one request takes, with the file that takes most of it.
Result<> check_size(const std::string& text, const std::vector<SentFile>& sent) {
  if (text.size() <= kMaxSourceBytes || sent.empty()) return {};
  auto place = std::ranges::max_element(sent, {}, &SentFile::bytes)->place;
  const auto kib = [](size_t bytes) { return std::to_string((bytes + 1023) >> 10); };
  place.message = sent.size() == 1 ? "the file" : "the largest of " + std::to_string(sent.size()) + " files";
  place.message += " has " + kib(std::ranges::max(sent, {}, &SentFile::bytes).bytes) +
                   " KiB as it is sent, and all together have " + kib(text.size()) + "; at most " +
                   kib(kMaxSourceBytes) + " KiB are taken: put it into the image";
  return std::unexpected(model::invalid({std::move(place)}));
}

}  // namespace

Result<Input> Input::read(const std::vector<std::string>& paths, const InputOptions& options) {
  Input input;
  std::vector<SentFile> sent;
  size_t images = 0;
  bool understood = true;
  for (const auto& path : paths) {
    for (auto& document : TRY(documents_of(path))) {
      if (document.text.starts_with(kByteOrderMark)) document.text.erase(0, kByteOrderMark.size());
      const bool blank = document.text.find_first_not_of(" \t\r\n") == std::string::npos;
      const auto nodes = model::read_documents(document.text, {});
      if (blank || (nodes && nodes->empty())) {
        if (document.of_folder) continue;
        return fail(Code::kInvalid,
                    document.name + (blank ? ": is empty" : ": holds nothing but comments") +
                        "; a document begins with apiVersion: qleet.io/v1, or, a Score file, score.dev/v1b1");
      }
      understood = understood && nodes.has_value();
      Splices splices(document.text);
      References references(document.name, document.folder);
      // What is wrong with it the hub says, better.
      for (const auto& node : nodes.value_or(std::vector<model::TextNode>())) {
        if (options.source_files == SourceFiles::kPutIn) TRY(references.put_sources(node, splices));
        if (!options.image.empty()) images += TRY(references.put_image(node, options.image, splices));
      }
      for (const auto& file : references.sent()) {
        input.sent_files_.push_back(file.path);
        sent.push_back(file);
      }
      if (const auto objects = model::decode(document.text, {.validate = false})) {
        for (const auto& object : *objects) {
          if (model::kind_of(*object).name == "Application")
            input.applications_.push_back(model::meta(*object).name());
        }
      }
      const auto lines_before = static_cast<int>(std::ranges::count(input.text_, '\n'));
      append_document(input.text_, splices.apply());
      input.parts_.push_back(
          {document.name, lines_before + (lines_before == 0 ? 1 : 2), std::move(document.text)});
    }
  }
  if (input.parts_.empty()) return fail(Code::kInvalid, "there is no object in these files: they are empty");
  if (!options.image.empty() && images == 0 && understood)
    return fail(Code::kInvalid,
                "--image: no container in these files has the image \".\", which it would stand for");
  TRY(check_size(input.text_, sent));
  return input;
}

// Of what is said without a line: about an object as a whole, after its text was read.
void Input::find(FieldError& field) const {
  struct Found {
    const Part* part = nullptr;
    std::string field;
    int line = 0;
    size_t depth = 0;
    bool only = true;
  } best;
  const auto consider = [&](const Part& part, std::string_view written, std::string_view skipped,
                            const model::Lines& lines) {
    const auto spot = lines.find(written);
    const auto depth = skipped.size() + spot.depth;
    if (spot.line == 0 || depth < best.depth || depth == 0) return;
    best = {&part, lines.written(written), spot.line, depth, depth > best.depth};
  };
  for (const auto& part : parts_) {
    const auto nodes = model::read_documents(part.text, {});
    if (!nodes) continue;
    for (const auto& node : *nodes) {
      const model::Lines lines(node);
      const auto scores = score_nodes(node);
      const bool is_score = scores.size() == 1 && scores.front().node == &node;
      if (!is_score) {
        consider(part, field.field, "", lines);
      } else if (field.field.starts_with(scores.front().object_prefix)) {
        const std::string_view whole = field.field;
        const auto& prefix = scores.front().object_prefix;
        consider(part, whole.substr(prefix.size()), prefix, lines);
      }
    }
  }
  if (parts_.size() == 1) field.file = parts_.front().name;
  if (best.part == nullptr || !best.only) return;
  field.file = best.part->name;
  field.field = best.field;
  field.line = best.line;
}

Error Input::locate(Error error) const {
  for (auto& field : error.fields) {
    if (field.line <= 0) {
      find(field);
      continue;
    }
    const Part* found = nullptr;
    for (const auto& part : parts_) {
      if (part.first_line <= field.line) found = &part;
    }
    if (found == nullptr) continue;
    field.file = found->name;
    field.line -= found->first_line - 1;
  }
  // As they stand in the files; what has no place there comes last.
  std::multimap<std::pair<std::ptrdiff_t, int>, FieldError> in_order;
  for (auto& field : error.fields) {
    const auto part = std::ranges::find(parts_, field.file, &Part::name) - parts_.begin();
    const std::pair place(field.line > 0 ? part : std::ssize(parts_) + 1, field.line);
    in_order.emplace(place, std::move(field));
  }
  error.fields.clear();
  for (auto& [_, field] : in_order) error.fields.push_back(std::move(field));
  return error;
}

}  // namespace qleet::cli
