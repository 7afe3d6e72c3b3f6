#include "common/bus/nats_codec.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

#include "common/crypto/encoding.h"
#include "common/json/text.h"

namespace qleet::nats {
namespace {

std::unexpected<Error> strange(std::string_view what) {
  return fail(Code::kInvalid, fmt::format("this is no NATS server: {}", what));
}

// At most 5 words.
std::size_t split(std::string_view line, std::array<std::string_view, 5>& words) {
  std::size_t count = 0;
  while (!line.empty()) {
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(" \t"), line.size());
    if (count == words.size()) return count + 1;
    words[count++] = line.substr(0, end);
    line.remove_prefix(end);
  }
  return count;
}

bool number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

bool same_word(std::string_view text, std::string_view upper) {
  return std::ranges::equal(text, upper, [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
  });
}

}  // namespace

Result<ServerInfo> parse_info(std::string_view json) {
  google::protobuf::Struct info;
  if (!google::protobuf::util::JsonStringToMessage(std::string(json), &info).ok())
    return strange("its greeting is not understood");
  ServerInfo out;
  const auto field = [&](const char* name) -> const google::protobuf::Value* {
    const auto found = info.fields().find(name);
    return found == info.fields().end() ? nullptr : &found->second;
  };
  if (const auto* value = field("nonce")) out.nonce = value->string_value();
  if (const auto* value = field("tls_required")) out.tls_required = value->bool_value();
  if (const auto* value = field("max_payload"); value != nullptr && value->number_value() >= 1)
    out.max_payload = static_cast<std::size_t>(std::min(value->number_value(), 64.0 * (1U << 20U)));
  return out;
}

std::string connect_line(const ConnectOptions& options) {
  std::string out = R"(CONNECT {"verbose":false,"pedantic":false,"lang":"qleet","version":)";
  json::append_quoted(out, QLEET_VERSION);
  out += R"(,"protocol":1,"echo":true,"headers":false,"no_responders":false,"tls_required":)";
  out += options.tls ? "true" : "false";
  out += R"(,"name":)";
  json::append_quoted(out, options.name);
  if (!options.jwt.empty()) {
    out += R"(,"jwt":)";
    json::append_quoted(out, options.jwt);
    out += R"(,"sig":)";
    json::append_quoted(out, crypto::base64url(options.signature));
  }
  return out + "}\r\n";
}

void append_publish(std::string& out, std::string_view subject, std::string_view reply,
                    std::string_view data) {
  auto to = std::back_inserter(out);
  if (reply.empty()) {
    fmt::format_to(to, "PUB {} {}\r\n", subject, data.size());
  } else {
    fmt::format_to(to, "PUB {} {} {}\r\n", subject, reply, data.size());
  }
  out += data;
  out += "\r\n";
}

void append_subscribe(std::string& out, std::string_view subject, std::uint64_t id) {
  fmt::format_to(std::back_inserter(out), "SUB {} {}\r\n", subject, id);
}

void append_unsubscribe(std::string& out, std::uint64_t id) {
  fmt::format_to(std::back_inserter(out), "UNSUB {}\r\n", id);
}

Result<std::size_t> Parser::take(std::string_view bytes, const std::function<bool(const Received&)>& receive,
                                 bool& more) {
  const auto end = bytes.substr(0, kMaxLine).find("\r\n");
  if (end == std::string_view::npos) {
    if (bytes.size() > kMaxLine) return strange("a line has no end");
    return 0;
  }
  const auto line = bytes.substr(0, end);
  std::size_t size = end + 2;
  const auto verb = line.substr(0, line.find_first_of(" \t"));
  const auto rest = line.substr(std::min(line.size(), verb.size() + 1));
  Received got{};
  if (same_word(verb, "MSG")) {
    std::array<std::string_view, 5> words;
    const auto count = split(rest, words);
    std::uint64_t length = 0;
    if ((count != 3 && count != 4) || !number(words[1], got.subscription) ||
        !number(words[count - 1], length) || length > kMaxData)
      return strange("a message's head is not understood");
    if (bytes.size() < size + length + 2) return 0;
    got.what = Received::What::kMessage;
    got.subject = words[0];
    if (count == 4) got.reply = words[2];
    got.data = bytes.substr(size, length);
    if (bytes.substr(size + length, 2) != "\r\n") return strange("a message has another length than said");
    size += length + 2;
  } else if (same_word(verb, "PING")) {
    got.what = Received::What::kPing;
  } else if (same_word(verb, "PONG")) {
    got.what = Received::What::kPong;
  } else if (same_word(verb, "INFO")) {
    got.what = Received::What::kInfo;
    got.text = rest;
  } else if (same_word(verb, "-ERR")) {
    got.what = Received::What::kError;
    got.text = rest;
    while (got.text.starts_with('\'')) got.text.remove_prefix(1);
    while (got.text.ends_with('\'')) got.text.remove_suffix(1);
  } else if (same_word(verb, "+OK")) {
    got.what = Received::What::kOk;
  } else {
    return strange("it says something else");
  }
  more = receive(got);
  return size;
}

Result<> Parser::feed(std::string_view bytes, const std::function<bool(const Received&)>& receive) {
  if (failed_) return strange("it said something else before");
  const bool joined = !rest_.empty();
  if (joined) rest_ += bytes;
  std::string_view open = joined ? std::string_view(rest_) : bytes;
  bool more = true;
  while (more && !open.empty()) {
    const auto size = take(open, receive, more);
    if (!size) {
      failed_ = true;
      rest_ = std::string();
      return std::unexpected(size.error());
    }
    if (*size == 0) break;
    open.remove_prefix(*size);
  }
  // A large message comes in many pieces: what waits is not copied for each.
  if (joined && open.size() == rest_.size()) return {};
  // What is large now must not stay so: most connections are silent most of the time.
  rest_ = std::string(open);
  return {};
}

}  // namespace qleet::nats
