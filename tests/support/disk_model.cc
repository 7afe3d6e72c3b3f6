#include "tests/support/disk_model.h"

#include <algorithm>
#include <fstream>
#include <stdexcept>

namespace qleet::test {
namespace {

constexpr std::size_t kSector = 512;

std::string parent(const std::string& file) {
  const auto slash = file.rfind('/');
  return slash == std::string::npos ? "" : file.substr(0, slash);
}

}  // namespace

void DiskModel::perform(std::string& content, const Edit& edit) {
  if (edit.truncate) {
    content.resize(edit.offset);
    return;
  }
  if (content.size() < edit.offset + edit.bytes.size()) content.resize(edit.offset + edit.bytes.size());
  content.replace(edit.offset, edit.bytes.size(), edit.bytes);
}

// Some of its sectors; where the file grows, its size may have grown without its content.
void DiskModel::perform_part(std::string& content, const Edit& edit, std::mt19937_64& random) {
  if (edit.truncate) {
    if (random() % 2) content.resize(edit.offset);
    return;
  }
  const std::uint64_t end = edit.offset + edit.bytes.size();
  if (random() % 4 == 0 && content.size() < end) content.resize(end);
  // All, nothing, or each sector by itself; the first two often enough to make deep mixtures.
  const auto luck = random() % 4;
  if (luck == 0) return;
  for (std::uint64_t at = edit.offset; at < end;) {
    const std::uint64_t next = std::min<std::uint64_t>((at / kSector + 1) * kSector, end);
    if (luck == 1 || random() % 2) {
      if (content.size() < next) content.resize(next);
      content.replace(at, next - at, edit.bytes, at - edit.offset, next - at);
    }
    at = next;
  }
}

void DiskModel::perform(Names& names, const Entry& entry) {
  const auto found = names.find(entry.from);
  if (found == names.end()) return;
  auto file = found->second;
  names.erase(found);
  if (!entry.to.empty()) names[entry.to] = std::move(file);
}

void DiskModel::add(const DiskOp& op) {
  auto& file = names_[op.file];
  if (!file) {
    file = std::make_shared<File>();
    // That it exists needs no promise: an image without any of its content has it empty.
    durable_names_[op.file] = file;
  }
  Edit edit{.state = State::kPending,
            .truncate = op.kind == DiskOp::Kind::kTruncate,
            .offset = op.offset,
            .bytes = op.bytes};
  if (op.error != 0) edit.state = State::kLimbo;
  if (op.error == 0 && op.through) edit.state = State::kDurable;
  file->edits.push_back(std::move(edit));
}

void DiskModel::apply(const DiskOp& op) {
  switch (op.kind) {
    case DiskOp::Kind::kWrite:
    case DiskOp::Kind::kTruncate:
      if (op.kind == DiskOp::Kind::kWrite && op.bytes.empty()) return;
      return add(op);
    case DiskOp::Kind::kRename:
    case DiskOp::Kind::kUnlink:
      if (op.error != 0) return;
      entries_.push_back({op.file, op.bytes});
      return perform(names_, entries_.back());
    case DiskOp::Kind::kSync:
      break;
  }
  // A folder: its entries (a rename within it, or out of it).
  const auto file = names_.find(op.file);
  if (file == names_.end()) {
    if (op.error != 0) return;
    while (!entries_.empty()) {
      const Entry& entry = entries_.front();
      if (parent(entry.from) != op.file && parent(entry.to) != op.file) break;
      perform(durable_names_, entry);
      entries_.pop_front();
    }
    return;
  }
  auto& edits = file->second->edits;
  for (Edit& edit : edits) {
    if (edit.state == State::kPending) edit.state = op.error == 0 ? State::kDurable : State::kLimbo;
  }
  while (!edits.empty() && edits.front().state == State::kDurable) {
    perform(file->second->base, edits.front());
    edits.pop_front();
  }
}

DiskModel::Image DiskModel::now() const {
  Image image;
  for (const auto& [name, file] : names_) {
    std::string& content = image[name] = file->base;
    for (const Edit& edit : file->edits) perform(content, edit);
  }
  return image;
}

DiskModel::Image DiskModel::now_and_part_of(const DiskOp& next, std::mt19937_64& random) const {
  Image image = now();
  if (next.kind == DiskOp::Kind::kWrite) {
    perform_part(image[next.file], {.offset = next.offset, .bytes = next.bytes}, random);
  }
  return image;
}

DiskModel::Image DiskModel::synced() const {
  Image image;
  for (const auto& [name, file] : durable_names_) {
    std::string& content = image[name] = file->base;
    for (const Edit& edit : file->edits) {
      if (edit.state == State::kDurable) perform(content, edit);
    }
  }
  return image;
}

DiskModel::Image DiskModel::random(const DiskOp* next, std::mt19937_64& random) const {
  Names names = durable_names_;
  const std::size_t entries = entries_.empty() ? 0 : random() % (entries_.size() + 1);
  for (std::size_t i = 0; i < entries; ++i) perform(names, entries_[i]);
  Image image;
  for (const auto& [name, file] : names) {
    std::string& content = image[name] = file->base;
    for (const Edit& edit : file->edits) {
      if (edit.state == State::kDurable) {
        perform(content, edit);
      } else {
        perform_part(content, edit, random);
      }
    }
    if (next != nullptr && next->kind == DiskOp::Kind::kWrite && next->file == name) {
      perform_part(content, {.offset = next->offset, .bytes = next->bytes}, random);
    }
  }
  return image;
}

void DiskModel::write(const Image& image, const std::filesystem::path& folder) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  for (const auto& [name, content] : image) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream out(folder / name, std::ios::binary);
    if (!out.write(content.data(), static_cast<std::streamsize>(content.size())))
      throw std::runtime_error("cannot write " + name);
  }
}

}  // namespace qleet::test
