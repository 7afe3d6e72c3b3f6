// Text that others wrote, as it is shown: nothing in it moves a cursor, and it does not matter how the bytes
// come.
#include "common/text/visible.h"
#include "tests/fuzz/fuzz.h"

using namespace qleet;

namespace {

void check(std::string_view shown, bool lines) {
  for (size_t i = 0; i < shown.size(); ++i) {
    const auto byte = static_cast<unsigned char>(shown[i]);
    const bool line = byte == '\n' || byte == '\t';
    fuzz::must((byte >= 0x20 && byte != 0x7f) || (line && lines), "no control character is left");
    const auto next = i + 1 < shown.size() ? static_cast<unsigned char>(shown[i + 1]) : 0;
    fuzz::must(byte != 0xc2 || next >= 0xa0, "nor one of C1");
    fuzz::must(!shown.substr(i).starts_with("\u202e") && !shown.substr(i).starts_with("\u2066"),
               "the direction of writing stays");
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto given = fuzz::text_of(data, size);
  std::string whole;
  fuzz::must(text::append_visible(whole, given) == given.size(), "all of it is used");
  check(whole, true);
  std::string line;
  text::append_visible(line, given, {.lines = false});
  check(line, false);
  std::string again;
  text::append_visible(again, whole);
  fuzz::must(again == whole, "what is shown is shown as it is");

  std::string pieces;
  std::string rest;
  for (const char c : given) {
    rest += c;
    rest.erase(0, text::append_visible(pieces, rest, {.whole = false}));
  }
  text::append_visible(pieces, rest);
  fuzz::must(pieces == whole, "it does not matter where it is cut");
  return 0;
}
