// What a NATS server says, and what a client of ours says with names, subjects and tokens that came from
// outside. The first byte chooses how the rest is cut, and after how many messages the reader has enough.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "common/bus/nats_codec.h"
#include "common/bus/subject.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

using namespace qleet;

namespace {

// Everything that came out, and how it ended.
std::string read(std::string_view bytes, std::size_t cut, unsigned seed, std::size_t enough) {
  nats::Parser parser;
  std::string out;
  std::size_t seen = 0;
  std::size_t fed = 0;
  const auto receive = [&](const nats::Received& got) {
    out += std::to_string(static_cast<int>(got.what)) + " " + std::to_string(got.subscription);
    for (const auto part : {got.text, got.subject, got.reply, got.data}) {
      out += " ";
      out += part;
    }
    out += "\n";
    return ++seen < enough;
  };
  bool failed = false;
  fuzz::for_each_piece(bytes, cut, seed, [&](std::string_view piece) {
    fed += piece.size();
    const auto done = parser.feed(piece, receive);
    fuzz::must(parser.waiting() <= nats::Parser::kMaxLine + nats::Parser::kMaxData + 4,
               "what waits is bounded");
    if (!done) {
      failed = true;
      out += done.error().message;
      fuzz::must(done.error().code == Code::kInvalid, "one code");
      fuzz::must(!parser.feed("PING\r\n", receive) && parser.waiting() == 0,
                 "nothing is taken after an error");
    }
    return !failed && seen < enough;
  });
  if (!failed) out += "taken: " + std::to_string(fed - parser.waiting());
  return out;
}

void greeting(std::string_view text) {
  const auto info = nats::parse_info(text);
  if (!info) return;
  fuzz::must(info->max_payload >= 1 && info->max_payload <= (64U << 20U), "the largest message makes sense");
  const auto line =
      nats::connect_line({.name = std::string(text), .jwt = info->nonce, .signature = info->nonce});
  fuzz::must(line.find_first_of("\r\n") == line.size() - 2, "one line: " + line);
}

// What is sent to a subject is read by the server as sent to this subject.
void saying(std::string_view subject, std::string_view data) {
  if (is_subject(subject)) {
    fuzz::must(is_subject_pattern(subject) && subject_matches(subject, subject),
               "a subject is its own pattern");
    fuzz::must(subject_matches(">", subject), "> is everything");
    std::string line;
    nats::append_publish(line, subject, "", data);
    fuzz::must(line == "PUB " + std::string(subject) + " " + std::to_string(data.size()) + "\r\n" +
                           std::string(data) + "\r\n",
               "one message");
    // The same words, as a server says them.
    nats::Parser parser;
    std::size_t seen = 0;
    const std::string said = "MSG " + std::string(subject) + " 7 " + line.substr(line.find(' ', 4) + 1);
    const auto read = parser.feed(said, [&](const nats::Received& got) {
      fuzz::must(got.subject == subject && got.data == data && got.subscription == 7,
                 "it comes as it was sent");
      return ++seen > 0;
    });
    fuzz::must(read && seen == 1 && parser.waiting() == 0, "once: " + said);
  }
  if (is_subject_pattern(subject) && is_subject(data)) (void)subject_matches(subject, data);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned seed = data[0];
  const auto text = fuzz::text_of(data + 1, size - 1);
  const std::size_t enough = seed % 5 == 0 ? 1 + seed / 5 : SIZE_MAX;
  fuzz::must_not_depend_on_cuts([&](std::size_t cut) { return read(text, cut, seed, enough); });
  greeting(text);
  auto rest = text;
  const auto first = fuzz::take_until(rest, '\n');
  saying(first, rest);
  return 0;
}
