#include "common/mdb/check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "common/mdb/disk.h"

namespace qleet::mdb {
namespace {

// LMDB 0.9's layout, on the machine that wrote it.
constexpr std::size_t kPageHeader = 16;
constexpr std::size_t kFlagsAt = 10;
constexpr std::size_t kLowerAt = 12;  // of a tree's page; 2 bytes
constexpr std::size_t kPagesAt = 12;  // of an overflow page; 4 bytes
constexpr std::uint16_t kBranch = 0x01, kLeaf = 0x02, kOverflow = 0x04, kMeta = 0x08;
constexpr std::size_t kNodeHeader = 8;
constexpr std::uint16_t kBigData = 0x01, kSubData = 0x02;
constexpr std::uint32_t kMagic = 0xBEEFC0DE;
constexpr std::uint64_t kNoPage = ~std::uint64_t{0};

struct Table {  // MDB_db
  std::uint32_t pad;
  std::uint16_t flags, depth;
  std::uint64_t branch_pages, leaf_pages, overflow_pages, entries, root;
};
struct Meta {  // MDB_meta
  std::uint32_t magic, version;
  std::uint64_t address, map_size;
  Table tables[2];
  std::uint64_t last_page, txn;
};
static_assert(sizeof(Table) == 48 && sizeof(Meta) == 136);

template <class T>
T read_at(const std::string& bytes, std::size_t at) {
  T value{};
  if (at + sizeof value <= bytes.size()) std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

class File {
 public:
  explicit File(const std::filesystem::path& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  bool good() const { return fd_ >= 0; }
  std::uint64_t size() const {
    struct stat status{};
    return ::fstat(fd_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
  }
  // As much as there is.
  std::string read(std::uint64_t offset, std::size_t size) const {
    std::string bytes(size, '\0');
    const ssize_t got = ::pread(fd_, bytes.data(), size, static_cast<off_t>(offset));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

 private:
  const int fd_;
};

// Whether all pages of the trees are in the file, and all that stands in them within its page.
class Walk {
 public:
  Walk(const File& file, std::size_t page_size, std::uint64_t pages)
      : file_(file), page_size_(page_size), pages_(pages) {}

  bool whole(const Meta& meta) {
    for (const auto& table : meta.tables) add(table.root);
    while (!open_.empty() && good_) {
      const std::uint64_t page = open_.back();
      open_.pop_back();
      visit(page);
    }
    return good_;
  }

 private:
  // Each has its place in one tree alone.
  void add(std::uint64_t page) {
    if (page == kNoPage) return;
    if (page < 2 || page >= pages_ || !seen_.insert(page).second)
      good_ = false;
    else
      open_.push_back(page);
  }

  void visit(std::uint64_t number) {
    const std::string page = file_.read(number * page_size_, page_size_);
    const auto flags = read_at<std::uint16_t>(page, kFlagsAt);
    const std::size_t lower = read_at<std::uint16_t>(page, kLowerAt);
    const std::size_t upper = read_at<std::uint16_t>(page, kLowerAt + 2);
    const bool leaf = (flags & kLeaf) != 0;
    good_ = page.size() == page_size_ && leaf != ((flags & kBranch) != 0) &&
            read_at<std::uint64_t>(page, 0) == number && lower >= kPageHeader && lower % 2 == 0 &&
            lower <= upper && upper <= page_size_;
    for (std::size_t at = kPageHeader; at < lower && good_; at += 2)
      visit_node(page, read_at<std::uint16_t>(page, at), upper, leaf);
  }

  void visit_node(const std::string& page, std::size_t node, std::size_t upper, bool leaf) {
    const std::size_t data = node + kNodeHeader + read_at<std::uint16_t>(page, node + 6);
    const auto low = read_at<std::uint16_t>(page, node), high = read_at<std::uint16_t>(page, node + 2);
    const auto flags = read_at<std::uint16_t>(page, node + 4);
    good_ = node >= upper && data <= page_size_;
    if (!good_) return;
    if (!leaf) return add(low | std::uint64_t{high} << 16 | std::uint64_t{flags} << 32);
    const std::size_t size = low | std::size_t{high} << 16;
    if ((flags & kBigData) != 0) {
      good_ = data + sizeof(std::uint64_t) <= page_size_;
      if (good_) visit_overflow(read_at<std::uint64_t>(page, data), size);
      return;
    }
    good_ = data + size <= page_size_ && ((flags & kSubData) == 0 || size == sizeof(Table));
    if (good_ && (flags & kSubData) != 0) add(read_at<Table>(page, data).root);
  }

  void visit_overflow(std::uint64_t first, std::size_t size) {
    good_ = first >= 2 && first < pages_;
    if (!good_) return;
    const std::string head = file_.read(first * page_size_, kPageHeader);
    const std::uint64_t count = read_at<std::uint32_t>(head, kPagesAt);
    good_ = (read_at<std::uint16_t>(head, kFlagsAt) & kOverflow) != 0 && count <= pages_ - first &&
            kPageHeader + size <= count * page_size_;
  }

  const File& file_;
  const std::size_t page_size_;
  const std::uint64_t pages_;
  std::vector<std::uint64_t> open_;
  std::set<std::uint64_t> seen_;
  bool good_ = true;
};

}  // namespace

std::string check(const std::filesystem::path& dir, Access access) {
  const auto path = dir / kDataFile;
  const auto wrong = [&](std::string_view what) {
    return fmt::format(
        "{}: {}: the file is damaged; move it away and restore a backup (remove it only if there "
        "is none: all that it held is then lost)",
        path.string(), what);
  };
  const File file(path);
  if (!file.good()) return errno == ENOENT ? "" : fmt::format("{}: {}", path.string(), std::strerror(errno));
  const auto first = file.read(0, kPageHeader + sizeof(Meta));
  if (first.empty()) return wrong("is empty, it was cut off");
  const std::size_t page_size = read_at<Meta>(first, kPageHeader).tables[0].pad;
  const bool plausible = page_size >= 256 && page_size <= 65536 && (page_size & (page_size - 1)) == 0;
  const auto cut_off = [&] { return wrong(fmt::format("has {} bytes, it was cut off", file.size())); };
  if (first.size() < kPageHeader + sizeof(Meta)) return cut_off();
  if (!plausible || read_at<Meta>(first, kPageHeader).magic != kMagic)
    return wrong("its beginning is not LMDB's");
  Meta newest = read_at<Meta>(first, kPageHeader);
  const auto second = file.read(page_size, kPageHeader + sizeof(Meta));
  if (second.size() < kPageHeader + sizeof(Meta)) return cut_off();
  const Meta other = read_at<Meta>(second, kPageHeader);
  if ((read_at<std::uint16_t>(first, kFlagsAt) & kMeta) == 0 ||
      (read_at<std::uint16_t>(second, kFlagsAt) & kMeta) == 0 || other.magic != kMagic)
    return wrong("one of its two meta pages is not valid");
  if (other.txn > newest.txn) newest = other;

  // After the meta pages: a process that has the file open writes what a meta page speaks of before it.
  const std::uint64_t pages = file.size() / page_size;
  if (pages < 2) return cut_off();
  if (access == Access::kShared) return {};
  const bool shorter = newest.last_page >= pages;
  if (!shorter && file.size() > kWalkUpTo) return {};
  if (Walk(file, page_size, pages).whole(newest)) return {};
  if (shorter)
    return wrong(fmt::format("ends after {} pages of {} bytes, and has {}: it was cut off", pages, page_size,
                             newest.last_page + 1));
  return wrong("a page of it is not what LMDB writes");
}

}  // namespace qleet::mdb
