// What a container engine answers: JSON documents, event and pull lines, multiplexed output.
#include "common/engine/answers.h"
#include "common/engine/errors.h"
#include "common/engine/events.h"
#include "common/engine/frames.h"
#include "common/engine/json.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;
using namespace qleet::containers;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  if (const auto value = read::parse(text)) {
    details_of(*value);
    containers_of(*value);
    network_of(*value);
    networks_of(*value);
    volume_of(*value);
    volumes_of(*value);
    image_of(*value);
    read::integer(*value, "ExitCode");
  }
  refused(500, text, "start container web");
  refused(404, text, "look at image web");
  pull_refused("registry.example/web:1", text);
  pull_line(text);
  parse_event(text);

  // However the bytes are cut, the lines are the same.
  const std::size_t cut = size == 0 ? 0 : data[0] % (size + 1);
  const auto lines_of = [&](std::size_t first) {
    std::string all;
    LineReader lines(
        [&](std::string_view line) {
          parse_event(line);
          all.append(line).append("\n");
          return true;
        },
        1U << 20U);
    lines.feed(text.substr(0, first));
    lines.feed(text.substr(first));
    lines.flush();
    return all;
  };
  fuzz::must(lines_of(cut) == lines_of(0), "lines do not depend on the cut");
  const auto frames_of = [&](std::size_t first) {
    std::string all;
    FrameReader frames([&](Stream stream, std::string_view bytes) {
      for (const char c : bytes) all.append({stream == Stream::kOut ? 'o' : 'e', c});
      return true;
    });
    if (frames.feed(text.substr(0, first))) frames.feed(text.substr(first));
    return all;
  };
  fuzz::must(frames_of(cut) == frames_of(0), "frames do not depend on the cut");
  return 0;
}
