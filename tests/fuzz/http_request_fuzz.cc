// Bytes that a client sends to the API's port, once TLS is done: the reading of requests, as the server does
// it over a connection. The first byte chooses how they are cut.
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/read.hpp>
#include <vector>

#include "hub/api/request_head.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/pieces.h"

using namespace qleet;
using namespace qleet::hub;
namespace beast = boost::beast;

namespace {

// Small, so that short inputs reach them.
api::HttpLimits limits() {
  api::HttpLimits small;
  small.header_bytes = 600;
  small.header_fields = 12;
  small.body_bytes = 200;
  return small;
}

// A connection whose peer sends these pieces, then nothing more.
class Peer {
 public:
  Peer(std::string_view bytes, std::size_t cut, unsigned seed) {
    fuzz::for_each_piece(bytes, cut, seed, [&](std::string_view piece) {
      pieces_.push_back(piece);
      return true;
    });
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, beast::error_code& error) {
    if (next_ == pieces_.size()) {
      error = boost::asio::error::eof;
      return 0;
    }
    auto& piece = pieces_[next_];
    const auto size =
        boost::asio::buffer_copy(buffers, boost::asio::const_buffer(piece.data(), piece.size()));
    piece.remove_prefix(size);
    if (piece.empty()) ++next_;
    error = {};
    return size;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    beast::error_code error;
    return read_some(buffers, error);
  }

 private:
  std::vector<std::string_view> pieces_;
  std::size_t next_ = 0;
};

std::string shown(const api::Request& request) {
  std::string out = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) out += "\n?" + name + "=" + value;
  for (const auto& [name, value] : request.headers) {
    fuzz::must((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos,
               "a header is one line");
    out += "\n" + name + ": " + value;
  }
  return out + "\n\n" + request.body + "\n";
}

// Which of the ways of being wrong is seen first may depend on how it comes; that it is wrong must not.
std::string refused(const std::optional<api::Response>& response) {
  if (response)
    fuzz::must(response->status >= 400 && response->status < 500 && !response->body.empty(),
               "it is told why");
  return "refused\n";
}

std::string read(std::string_view bytes, std::size_t cut, unsigned seed) {
  const auto small = limits();
  Peer peer(bytes, cut, seed);
  beast::flat_buffer buffer{small.header_bytes + (64U << 10U)};
  std::string out;
  for (int i = 0; i < 4; ++i) {
    beast::error_code error;
    api::RequestParser parser;
    parser.header_limit(static_cast<std::uint32_t>(small.header_bytes));
    parser.body_limit(small.body_bytes);
    for (std::size_t taken = 0; !error && !parser.is_header_done();) {
      taken += beast::http::read_some(peer, buffer, parser, error);
      fuzz::must(taken <= 2 * small.header_bytes, "no more of a head is taken than its limit and one read");
      if (!error && taken > small.header_bytes) error = beast::http::error::header_limit;
    }
    if (error) return out + refused(api::read_problem(error, small));
    if (const auto problem = api::check_head(parser, small)) return out + refused(problem);
    beast::http::read(peer, buffer, parser, error);
    fuzz::must(parser.get().body().size() <= small.body_bytes, "a body has its limit");
    if (error) return out + refused(api::read_problem(error, small));
    const bool goes_on = parser.keep_alive();
    const auto request = api::to_request(parser, "192.0.2.1", "r1");
    if (!request) return out + refused({});
    out += shown(*request);
    if (!goes_on) break;
  }
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto text = fuzz::text_of(data + 1, size - 1);
  fuzz::must_not_depend_on_cuts([&](std::size_t cut) { return read(text, cut, data[0]); });
  return 0;
}
