// Fills the store of a stopped hub with many copies of one application, as if they had been applied one by
// one and were settled: every object and index key that the application led to is copied with the
// application's and the region's name replaced by others of the same length (so that serialized values stay
// valid). The copies are placed in regions "bulk-N" that no agent serves.
//
//   bench_growth_fill STORE APPLICATION REGION COPIES REGIONS
//
// The application's name must end with seven digits, the region's name have seven characters or more.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "common/log/log.h"
#include "hub/store/lmdb_store.h"

namespace {

using namespace qleet;
using namespace qleet::hub;

constexpr std::size_t kCopiesPerTransaction = 1'000;

template <class T>
T must(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "bench_growth_fill: {}\n", result.error().message);
    std::exit(1);
  }
  return *std::move(result);
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    fmt::print(stderr, "usage: bench_growth_fill STORE APPLICATION REGION COPIES REGIONS\n");
    return 2;
  }
  log::set_level(log::Level::kError);
  const std::string app = argv[2];
  const std::string region = argv[3];
  const std::size_t copies = std::strtoull(argv[4], nullptr, 10);
  const std::size_t regions = std::strtoull(argv[5], nullptr, 10);
  const std::string stem = app.substr(0, app.size() - 7);

  auto store = must(LmdbStore::open(argv[1]));
  std::vector<Entry> pattern;
  std::size_t resources = 0;
  {
    const auto reader = must(store->snapshot());
    for (const std::string_view prefix : {"o/", "x/", "c/"}) {
      Range range{std::string(prefix), "", 1000};
      while (true) {
        auto page = must(reader->scan(range));
        if (page.empty()) break;
        range.after = page.back().key;
        for (auto& entry : page) {
          if (entry.key.find(app) == std::string::npos) continue;
          if (entry.key.starts_with("o/auditrecords") || entry.key.starts_with("o/events")) continue;
          resources += entry.key.starts_with("o/resources/") ? 1 : 0;
          pattern.push_back(std::move(entry));
        }
      }
    }
  }
  const auto begun = std::chrono::steady_clock::now();
  for (std::size_t done = 1; done <= copies;) {
    const auto end = std::min(done + kCopiesPerTransaction, copies + 1);
    must(store->transact([&](Txn& txn) -> Result<> {
      for (auto i = done; i < end; ++i) {
        const std::string copy = stem + fmt::format("{:07}", i);
        const std::string place = fmt::format("bulk-{:0{}}", i % regions, region.size() - 5);
        for (const auto& entry : pattern) {
          std::string key = entry.key;
          std::string value = entry.value;
          for (std::string* text : {&key, &value}) {
            replace_all(*text, app, copy);
            replace_all(*text, region, place);
          }
          txn.put(key, std::move(value));
        }
      }
      return {};
    }));
    done = end;
  }
  // As a hub leaves it that was stopped in good order.
  must(store->transact([&](Txn& txn) -> Result<> {
    txn.put("m/controllers-position", std::to_string(txn.revision()));
    return {};
  }));
  fmt::print("{} copies of {} keys, {} resources each, in {:.1f} s\n", copies, pattern.size(), resources,
             std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
}
