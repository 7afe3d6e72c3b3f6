// What the hub's store does on this disk. Prints a table; usage: bench_store [directory] (default: one under
// the system's temporary directory, which should be on the disk that the hub will use).

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "common/log/log.h"
#include "hub/store/keys.h"
#include "hub/store/lmdb_store.h"

namespace {

using namespace qleet;
using namespace qleet::hub;
using Seconds = std::chrono::duration<double>;

constexpr auto kRunFor = std::chrono::seconds(3);

double since(std::chrono::steady_clock::time_point start) {
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

[[noreturn]] void give_up(const Error& error) {
  fmt::print(stderr, "bench_store: {}\n", error.message);
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}

std::string random_value(size_t size) {
  static std::mt19937_64 random(1);
  std::string value(size, '\0');
  for (auto& byte : value) byte = static_cast<char>(random());
  return value;
}

void print_row(std::string_view what, std::string_view result) {
  fmt::print("| {:<52} | {:>24} |\n", what, result);
}

void writes(Store& store, int writers) {
  const std::string value = random_value(1024);
  std::atomic<size_t> count = 0;
  std::vector<std::thread> threads;
  const auto start = std::chrono::steady_clock::now();
  for (int w = 0; w < writers; ++w) {
    threads.emplace_back([&, w] {
      for (int i = 0; std::chrono::steady_clock::now() - start < kRunFor; ++i) {
        must(store.transact([&](Txn& txn) -> Result<> {
          txn.put(keys::object("benches", fmt::format("{}.{}", w, i % 1000)), value);
          return {};
        }));
        ++count;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  print_row(fmt::format("durable writes of 1 KB, {} writer{}", writers, writers == 1 ? "" : "s"),
            fmt::format("{:.0f}/s", double(count) / since(start)));
}

void fill(Store& store, const std::string& plural, size_t count, size_t size) {
  constexpr size_t kEach = 500;
  const std::string value = random_value(size);
  for (size_t i = 0; i < count; i += kEach) {
    must(store.transact([&](Txn& txn) -> Result<> {
      for (size_t j = i; j < std::min(count, i + kEach); ++j) {
        txn.put(keys::object(plural, fmt::format("{:08}", j)), value);
      }
      return {};
    }));
  }
}

void lists(Store& store) {
  fill(store, "large", 6000, 25'000);
  for (const char* which : {"first", "again"}) {
    const auto start = std::chrono::steady_clock::now();
    auto entries = must(must(store.snapshot())->scan({.prefix = "o/large/"}));
    print_row(fmt::format("list of {} objects of 25 KB, {}", entries.size(), which),
              fmt::format("{:.0f} ms", since(start) * 1e3));
  }
}

void opens(const std::filesystem::path& dir, std::unique_ptr<LmdbStore> store) {
  fill(*store, "small", 100'000, 1'000);
  auto start = std::chrono::steady_clock::now();
  const auto revision = must(store->backup(dir / "backup"));
  print_row(fmt::format("backup at revision {}, {} MB", revision,
                        std::filesystem::file_size(dir / "backup" / "data.mdb") >> 20),
            fmt::format("{:.0f} ms", since(start) * 1e3));
  store.reset();
  start = std::chrono::steady_clock::now();
  store = must(LmdbStore::open(dir / "store"));
  print_row("open with 100,000 objects of 1 KB", fmt::format("{:.1f} ms", since(start) * 1e3));
  start = std::chrono::steady_clock::now();
  const auto entries = must(must(store->snapshot())->scan({.prefix = "o/small/"}));
  print_row(fmt::format("and a first list of all {}", entries.size()),
            fmt::format("{:.0f} ms", since(start) * 1e3));
}

}  // namespace

int main(int argc, char** argv) {
  log::set_level(log::Level::kWarn);
  std::string pattern =
      std::filesystem::path(argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string()) /
      "bench-store-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    fmt::print(stderr, "bench_store: cannot make a directory like {}\n", pattern);
    return 1;
  }
  const std::filesystem::path dir = pattern;
  {
    auto store = must(LmdbStore::open(dir / "store"));
    for (int writers : {1, 8, 64}) writes(*store, writers);
    lists(*store);
    opens(dir, std::move(store));
  }
  std::filesystem::remove_all(dir);
}
