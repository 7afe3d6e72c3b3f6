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

// Whether all pages of the trees are in the file.
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
  void add(std::uint64_t page) {
    if (page == kNoPage) return;
    if (page >= pages_)
      good_ = false;
    else if (seen_.insert(page).second)
      open_.push_back(page);
  }

  void visit(std::uint64_t number) {
    const std::string page = file_.read(number * page_size_, page_size_);
    const auto flags = read_at<std::uint16_t>(page, kFlagsAt);
    if (page.size() < page_size_ || (flags & (kBranch | kLeaf)) == 0) {
      good_ = false;
      return;
    }
    const auto lower = read_at<std::uint16_t>(page, kLowerAt);
    for (std::size_t at = kPageHeader; at + 2 <= lower && good_; at += 2) {
      const std::size_t node = read_at<std::uint16_t>(page, at);
      const auto low = read_at<std::uint16_t>(page, node), high = read_at<std::uint16_t>(page, node + 2);
      const auto node_flags = read_at<std::uint16_t>(page, node + 4);
      if ((flags & kBranch) != 0) {
        add(low | std::uint64_t{high} << 16 | std::uint64_t{node_flags} << 32);
        continue;
      }
      const std::size_t data = node + kNodeHeader + read_at<std::uint16_t>(page, node + 6);
      if ((node_flags & kBigData) != 0) visit_overflow(read_at<std::uint64_t>(page, data));
      if ((node_flags & kSubData) != 0) add(read_at<std::uint64_t>(page, data + offsetof(Table, root)));
    }
  }

  void visit_overflow(std::uint64_t first) {
    if (first >= pages_) {
      good_ = false;
      return;
    }
    const std::string head = file_.read(first * page_size_, kPageHeader);
    if ((read_at<std::uint16_t>(head, kFlagsAt) & kOverflow) == 0 ||
        first + read_at<std::uint32_t>(head, kPagesAt) > pages_)
      good_ = false;
  }

  const File& file_;
  const std::size_t page_size_;
  const std::uint64_t pages_;
  std::vector<std::uint64_t> open_;
  std::set<std::uint64_t> seen_;
  bool good_ = true;
};

}  // namespace

std::string check(const std::filesystem::path& dir) {
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
  if (newest.last_page < pages) return {};
  if (Walk(file, page_size, pages).whole(newest)) return {};
  return wrong(fmt::format("ends after {} pages of {} bytes, and has {}: it was cut off", pages, page_size,
                           newest.last_page + 1));
}

}  // namespace qleet::mdb
