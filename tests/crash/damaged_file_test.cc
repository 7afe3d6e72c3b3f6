// Files that were cut off, or whose meta pages were damaged: refused with the file's name, never mapped to
// end in a signal.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <random>

#include "agent/journal/lmdb_journal.h"
#include "common/log/log.h"
#include "common/mdb/check.h"
#include "common/process/bus_error.h"
#include "hub/store/lmdb_store.h"
#include "tests/crash/seeds.h"
#include "tests/support/temp_dir.h"

namespace qleet {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
constexpr std::size_t kPage = 4096;

std::string bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
}

struct End {
  int signal = 0;
  int code = 0;
  std::string said;
};

// What `work` returns is the exit code; what it writes to standard error is kept.
End in_a_process(const std::function<int()>& work) {
  int pipe[2];
  if (::pipe(pipe) != 0) return {.signal = -1};
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(pipe[1], STDERR_FILENO);
    ::close(pipe[0]);
    ::_exit(work());
  }
  ::close(pipe[1]);
  End end;
  char chunk[512];
  for (ssize_t got = 0; (got = ::read(pipe[0], chunk, sizeof chunk)) > 0;)
    end.said.append(chunk, static_cast<std::size_t>(got));
  ::close(pipe[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  end.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return end;
}

enum : int { kWhole = 0, kRefused = 1, kLess = 2, kNoName = 3 };

// A size that the machine cannot map is no damage of the file: then its folder is named.
int refused(const Error& error) {
  return error.message.find("/s") == std::string::npos && error.message.find("/j") == std::string::npos
             ? kNoName
             : kRefused;
}

class DamagedFiles : public testing::Test {
 protected:
  void SetUp() override {
    log::set_level(static_cast<log::Level>(99));
    {
      auto store = hub::LmdbStore::open(disk_ / "s", small()).value();
      for (int i = 0; i < 60; ++i)
        ASSERT_TRUE(store->transact([&](hub::Txn& txn) -> Result<> {
          txn.put(fmt::format("o/widgets/{}", i), std::string(i % 7 == 0 ? 9'000 : 150, 'x'));
          return {};
        }));
    }
    {
      auto journal =
          agent::LmdbJournal::open({.folder = disk_ / "j", .max_bytes = 64 << 20}, sealer_).value();
      for (int i = 0; i < 60; ++i) {
        agent::JournalChanges changes;
        auto& desired = changes.desired[fmt::format("eu.r{}", i)].emplace();
        desired.mutable_resource()->set_name(fmt::format("eu.r{}", i));
        desired.mutable_resource()->set_hash(std::string(i % 7 == 0 ? 9'000 : 150, 'x'));
        ASSERT_TRUE(journal->commit(changes));
      }
    }
  }
  static hub::LmdbOptions small() {
    hub::LmdbOptions options;
    options.map_bytes = options.max_map_bytes = 64 << 20;
    return options;
  }
  int read_store() {
    auto store = hub::LmdbStore::open(disk_ / "s", small());
    if (!store) return refused(store.error());
    const auto entries = (*(*store)->snapshot())->scan({.prefix = "o/widgets/"});
    const auto changes = (*store)->changes(0, SIZE_MAX);
    if (!entries || !changes) return kRefused;
    return entries->size() == 60 && changes->size() == 60 ? kWhole : kLess;
  }
  int read_journal() {
    auto journal = agent::LmdbJournal::open({.folder = disk_ / "j", .max_bytes = 64 << 20}, sealer_);
    if (!journal) return refused(journal.error());
    const auto contents = (*journal)->load();
    if (!contents) return kRefused;
    return contents->desired.size() == 60 ? kWhole : kLess;
  }
  // Each damage of the file, seen by a process of its own.
  void try_all(const fs::path& file, const std::function<int()>& read,
               const std::vector<std::string>& damaged, bool less_may_be) {
    const std::string whole = bytes(file);
    int opened = 0;
    for (std::size_t i = 0; i < damaged.size(); ++i) {
      write(file, damaged[i]);
      const auto end = in_a_process(read);
      ASSERT_EQ(end.signal, 0) << file << " damage " << i << " of " << damaged[i].size()
                               << " bytes: " << end.said;
      ASSERT_NE(end.code, kNoName) << file << " damage " << i;
      if (!less_may_be) ASSERT_NE(end.code, kLess) << file << " damage " << i;
      opened += end.code == kWhole ? 1 : 0;
    }
    write(file, whole);
    EXPECT_EQ(in_a_process(read).code, kWhole);
    std::cout << file << ": " << damaged.size() << " damages, " << opened << " did no harm\n";
  }
  static std::vector<std::string> cut_off(const std::string& whole) {
    std::vector<std::string> out;
    for (const std::size_t size : {0, 1, 100, 152, 4095, 4096, 4200, 8191, 8192})
      if (size < whole.size()) out.push_back(whole.substr(0, size));
    for (std::size_t size = 3 * kPage; size < whole.size(); size += kPage) {
      out.push_back(whole.substr(0, size));
      out.push_back(whole.substr(0, size - 100));
    }
    return out;
  }
  static std::vector<std::string> flipped(const std::string& whole) {
    std::vector<std::string> out;
    for (const std::size_t page : {std::size_t{0}, kPage}) {
      for (std::size_t bit = 0; bit < (16 + 136) * 8; bit += 5) {
        out.push_back(whole);
        char& byte = out.back()[page + bit / 8];
        byte = static_cast<char>(byte ^ (1 << bit % 8));
      }
    }
    return out;
  }

  test::TempDir disk_{test::fast_folder()};
  crypto::SystemRandom random_;
  crypto::Sealer sealer_ = crypto::Sealer::open_or_create(disk_ / "key", random_).value();
};

TEST_F(DamagedFiles, AStoreThatWasCutOffIsRefusedByName) {
  try_all(disk_ / "s/data.mdb", [this] { return read_store(); }, cut_off(bytes(disk_ / "s/data.mdb")), false);
}

TEST_F(DamagedFiles, AJournalThatWasCutOffIsRefusedByName) {
  try_all(
      disk_ / "j/data.mdb", [this] { return read_journal(); }, cut_off(bytes(disk_ / "j/data.mdb")), false);
}

TEST_F(DamagedFiles, AStoreThatWasCutToNothingIsNotMadeAnew) {
  write(disk_ / "s/data.mdb", "");
  const auto opened = hub::LmdbStore::open(disk_ / "s", small());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("s/data.mdb: is empty, it was cut off: the file is damaged"));
  EXPECT_THAT(opened.error().message, HasSubstr("restore a backup"));
  EXPECT_EQ(fs::file_size(disk_ / "s/data.mdb"), 0u);
}

TEST_F(DamagedFiles, AJournalThatWasCutToNothingIsNotMadeAnew) {
  write(disk_ / "j/data.mdb", "");
  const auto opened = agent::LmdbJournal::open({.folder = disk_ / "j"}, sealer_);
  ASSERT_FALSE(opened) << "new secrets would be made over old data";
  EXPECT_THAT(opened.error().message, HasSubstr("j/data.mdb: is empty, it was cut off"));
}

TEST_F(DamagedFiles, NoFlippedBitOfAMetaPageEndsInASignal) {
  try_all(disk_ / "s/data.mdb", [this] { return read_store(); }, flipped(bytes(disk_ / "s/data.mdb")), true);
}

// Of any page. What LMDB then does with a page whose bits are other ones is its own affair; it must not end
// the process.
TEST_F(DamagedFiles, NoFlippedBitOfAPageEndsInASignal) {
  const auto some = [](const std::string& whole) {
    std::vector<std::string> out;
    std::mt19937_64 random(1);
    for (int i = 0; i < 300; ++i) {
      out.push_back(whole);
      // Most pages are values; their headers and what leads to them are looked at more often.
      const std::size_t page = 2 + random() % (whole.size() / kPage - 2);
      const std::size_t at = i % 3 == 0 ? random() % kPage : random() % 160;
      char& byte = out.back()[page * kPage + at];
      byte = static_cast<char>(byte ^ (1 << random() % 8));
    }
    return out;
  };
  try_all(disk_ / "s/data.mdb", [this] { return read_store(); }, some(bytes(disk_ / "s/data.mdb")), true);
  try_all(disk_ / "j/data.mdb", [this] { return read_journal(); }, some(bytes(disk_ / "j/data.mdb")), true);
}

TEST_F(DamagedFiles, AnEndWithoutPagesThatAreInUseIsNoDamage) {
  // LMDB counts a page that was taken and given back by one transaction, and need not have written it.
  auto file = bytes(disk_ / "s/data.mdb");
  for (const std::size_t page : {std::size_t{0}, kPage}) {
    std::uint64_t last = 0;
    std::memcpy(&last, file.data() + page + 16 + 120, sizeof last);
    last += 3;
    std::memcpy(file.data() + page + 16 + 120, &last, sizeof last);
  }
  write(disk_ / "s/data.mdb", file);
  EXPECT_EQ(mdb::check(disk_ / "s", mdb::Access::kAlone), "");
  EXPECT_EQ(in_a_process([this] { return read_store(); }).code, kWhole);
}

TEST(BusError, NamesTheFileAndEndsWithACode) {
  test::TempDir disk;
  const auto file = disk / "cut off.mdb";
  write(file, std::string(4 * kPage, 'x'));
  const auto end = in_a_process([&] {
    explain_bus_errors();
    const int fd = ::open(file.c_str(), O_RDWR);
    const auto* map =
        static_cast<const volatile char*>(::mmap(nullptr, 4 * kPage, PROT_READ, MAP_SHARED, fd, 0));
    if (map == MAP_FAILED || ::ftruncate(fd, kPage) != 0) return 1;
    return map[3 * kPage] == 'x' ? 2 : 3;
  });
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(end.code, kBusErrorExit);
  EXPECT_THAT(end.said, HasSubstr(file.string() + ": cannot be read where it should go on"));
  EXPECT_THAT(end.said, HasSubstr("restore a backup"));
}

}  // namespace
}  // namespace qleet
