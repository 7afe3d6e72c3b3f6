// What an HTTP server, a proxy or whatever else is there answers. The first byte chooses how the rest is cut,
// whether it answers a HEAD, and whether the reader has enough after some bytes.
#include "common/http/answer.h"
#include "common/http/problem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

using namespace qleet;

namespace {

// Which of the ways of being broken is seen first may depend on how it comes; that it is broken must not.
constexpr std::string_view kBroken = "broken";

// Everything that came out, and how it ended.
std::string read(std::string_view bytes, std::size_t cut, unsigned seed) {
  std::string body;
  int heads = 0;
  const std::size_t enough = seed % 5 == 0 ? seed : SIZE_MAX;
  http::Answer answer({.on_head = [&](const http::Response&) { return ++heads, true; },
                       .on_body =
                           [&](const http::Response& head, std::string_view piece) {
                             fuzz::must(heads == 1 && head.status >= 200 && !piece.empty(),
                                        "a body has a head");
                             body += piece;
                             return body.size() < enough;
                           }},
                      seed % 2 == 1);
  std::string end;
  fuzz::for_each_piece(bytes, cut, seed, [&](std::string_view piece) {
    const auto fed = answer.feed(piece);
    if (!fed) end = kBroken;
    return fed && !answer.done() && !answer.given_up();
  });
  if (end.empty() && !answer.done() && !answer.given_up()) {
    const auto fed = answer.feed_end();
    end = fed ? "ended" : kBroken;
    fuzz::must(fed.has_value() == answer.done(), "an end without an error is a whole answer");
  }
  fuzz::must(heads <= 1, "one head");
  if (end == kBroken) return end;
  if (answer.given_up()) return "given up " + body.substr(0, enough);
  auto& response = answer.response();
  std::string out = end + "\n" + body + "\n" + std::to_string(heads);
  fuzz::must(answer.done(), "neither broken nor given up, so whole");
  fuzz::must(heads == 1 && response.status >= 200 && response.status < 1000, "an answer has a status");
  for (const auto& [name, value] : response.headers) {
    fuzz::must((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
               "a header is one line");
    out += "\n" + name + ":" + value;
  }
  response.body = body;
  out += "\n" + std::to_string(response.status) + http::error_of(response).message;
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto text = fuzz::text_of(data + 1, size - 1);
  fuzz::must_not_depend_on_cuts([&](std::size_t cut) { return read(text, cut, data[0]); });
  return 0;
}
