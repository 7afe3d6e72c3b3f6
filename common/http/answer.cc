#include "common/http/answer.h"

#include <fmt/format.h>

#include <boost/beast/http/basic_parser.hpp>

namespace qleet::http {
namespace {

namespace beast = boost::beast;
using ErrorCode = beast::error_code;

constexpr std::uint32_t kMaxHead = 256U << 10U;

std::unexpected<Error> too_large() {
  return fail(Code::kUnavailable, "the answer is no HTTP: what is not its body has no end");
}

ErrorCode enough() { return boost::system::errc::make_error_code(boost::system::errc::operation_canceled); }

}  // namespace

class Answer::Parser final : public beast::http::basic_parser<false> {
 public:
  Parser(const Sink& sink, Response& response) : sink_(sink), response_(response) {
    eager(true);
    header_limit(kMaxHead);
    body_limit(boost::none);
  }
  bool given_up = false;
  std::size_t body_bytes = 0;

 private:
  using Text = beast::string_view;

  void on_request_impl(beast::http::verb, Text, Text, int, ErrorCode&) override {}
  void on_response_impl(int code, Text, int, ErrorCode& error) override {
    // Neither an answer nor an interim one, and yet with a body.
    if (code < 100) error = beast::http::error::bad_status;
    response_.status = code;
    response_.headers.clear();
  }
  void on_field_impl(beast::http::field, Text name, Text value, ErrorCode&) override {
    response_.headers.emplace_back(std::string(name), std::string(value));
  }
  void on_header_impl(ErrorCode& error) override {
    if (response_.status >= 200 && !sink_.on_head(response_)) give_up(error);
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(Text body, ErrorCode& error) override { return hand_on(body, error); }
  void on_chunk_header_impl(std::uint64_t, Text, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text body, ErrorCode& error) override {
    return hand_on(body, error);
  }
  void on_finish_impl(ErrorCode&) override {}

  std::size_t hand_on(Text body, ErrorCode& error) {
    body_bytes += body.size();
    if (!body.empty() && !sink_.on_body(response_, std::string_view(body.data(), body.size())))
      give_up(error);
    return body.size();
  }
  void give_up(ErrorCode& error) {
    given_up = true;
    error = enough();
  }

  const Sink& sink_;
  Response& response_;
};

Answer::Answer(Sink sink, bool bodyless)
    : sink_(std::move(sink)), bodyless_(bodyless), parser_(make_parser()) {}
Answer::~Answer() = default;

std::unique_ptr<Answer::Parser> Answer::make_parser() {
  auto parser = std::make_unique<Parser>(sink_, response_);
  if (bodyless_) parser->skip(true);
  return parser;
}

Result<> Answer::feed(std::string_view bytes) {
  if (given_up()) return {};
  begun_ = begun_ || !bytes.empty();
  pending_.append(bytes);
  std::size_t used = 0;
  while (used < pending_.size() && !parser_->is_done()) {
    ErrorCode error;
    const std::string_view rest = std::string_view(pending_).substr(used);
    const bool in_head = !parser_->is_header_done();
    const std::size_t body_before = parser_->body_bytes;
    const std::size_t taken = parser_->put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    used += taken;
    // The parser's own limit is for what waits, not for what it has taken line by line.
    if (in_head) head_bytes_ += taken - (parser_->body_bytes - body_before);
    if (parser_->given_up) return {};
    if (head_bytes_ > kMaxHead) return too_large();
    if (error == beast::http::error::need_more) break;
    if (error) return fail(Code::kUnavailable, "the answer is no HTTP: " + error.message());
    if (parser_->is_done() && response_.status < 200) parser_ = make_parser();
  }
  pending_.erase(0, used);
  if (!parser_->is_done() && pending_.size() > kMaxHead) return too_large();
  return {};
}

Result<> Answer::feed_end() {
  if (done()) return {};
  if (!begun_) return fail(Code::kUnavailable, "it closed the connection without an answer");
  const auto broken = fail(Code::kUnavailable, "it closed the connection in the middle");
  if (!parser_->got_some()) return broken;  // after an interim answer
  ErrorCode error;
  parser_->put_eof(error);
  if (error || !done()) return broken;
  return {};
}

bool Answer::done() const { return parser_->is_done() && response_.status >= 200; }
bool Answer::given_up() const { return parser_->given_up; }
bool Answer::reusable() const { return done() && parser_->keep_alive() && pending_.empty(); }

}  // namespace qleet::http
