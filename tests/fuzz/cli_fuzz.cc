// What the command line tool takes in: its arguments, its file of contexts, streams and answers of a hub (or
// of whatever answers in its place).
#include <fstream>
#include <vector>

#include "cli/arguments.h"
#include "cli/columns.h"
#include "cli/context.h"
#include "cli/hub_client.h"
#include "cli/input.h"
#include "cli/sse.h"
#include "common/model/model.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_dir.h"

using namespace qleet;

namespace {

void write(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

void arguments(std::string_view text) {
  std::vector<std::string> words = {"qleet"};
  while (!text.empty() && words.size() < 40) words.emplace_back(fuzz::take_until(text, '\n'));
  std::vector<const char*> argv;
  for (const auto& word : words) argv.push_back(word.c_str());
  (void)cli::parse_arguments(static_cast<int>(argv.size()), argv.data(), false);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TempDir folder;
  if (size == 0) return 0;
  const auto text = fuzz::text_of(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      arguments(text);
      break;
    case 1: {
      const auto path = folder.path() / "config.yaml";
      write(path, text);
      if (const auto contexts = cli::Contexts::load(path)) (void)cli::resolve_context(*contexts, "");
      break;
    }
    case 2: {
      std::string whole, pieces;
      cli::SseReader one(
          [&](const cli::SseEvent& event) { whole += event.name + event.id + event.data + "\n"; });
      one.feed(text);
      cli::SseReader many(
          [&](const cli::SseEvent& event) { pieces += event.name + event.id + event.data + "\n"; });
      for (const char& c : text) many.feed({&c, 1});
      fuzz::must(whole == pieces, "events do not depend on how the bytes come");
      break;
    }
    case 3:
      for (const auto& kind : model::kinds()) {
        const model::Object object(kind.prototype->New());
        if (cli::parse(text, *object))
          (void)cli::cells_of(*object, cli::RowContext{.now = WallTime(Millis(1'700'000'000'000))});
      }
      break;
    default: {
      const auto path = folder.path() / "input.yaml";
      write(path, text);
      if (auto input = cli::Input::read({path.string(), path.string()})) {
        Error error{Code::kInvalid, "wrong", {{"spec", "is wrong", 3, ""}}};
        (void)input->locate(error);
      }
    }
  }
  return 0;
}
