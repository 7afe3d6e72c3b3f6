#include "hub/api/content.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace qleet::hub::api {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "text/html; q=0.9" -> "text/html", in lower case.
std::string media_type(std::string_view value) {
  std::string type(trim(value.substr(0, value.find(';'))));
  std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::tolower(c); });
  return type;
}

bool refused(std::string_view value) {
  const size_t q = value.find("q=");
  if (q == std::string_view::npos) return false;
  const std::string_view weight = trim(value.substr(q + 2));
  return weight == "0" || weight.find_first_not_of("0.") == std::string_view::npos;
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

bool is_yaml(std::string_view type) {
  return one_of(type, {"application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml"});
}

Error in_parameter(std::string_view name, std::string message) {
  Error error{Code::kInvalid, fmt::format("query parameter {}: {}", name, message), {}};
  error.fields.push_back({.field = std::string(name), .message = std::move(message)});
  return error;
}

}  // namespace

std::optional<Format> accepted_format(std::string_view accept) {
  if (trim(accept).empty()) return Format::kJson;
  while (!accept.empty()) {
    const std::string_view one = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(accept.size(), one.size() + 1));
    if (refused(one)) continue;
    const std::string type = media_type(one);
    if (is_yaml(type)) return Format::kYaml;
    if (one_of(type, {"*/*", "application/*", "application/json", "application/problem+json"}))
      return Format::kJson;
  }
  return std::nullopt;
}

bool acceptable_body(std::string_view content_type) {
  const std::string type = media_type(content_type);
  return is_yaml(type) || one_of(type, {"", "application/json", "text/json", "text/plain",
                                        "application/octet-stream", "application/x-www-form-urlencoded"});
}

Response answer(const Request& request, const google::protobuf::Message& message, int status) {
  Response response;
  response.status = status;
  if (accepted_format(request.header("accept")) == Format::kYaml) {
    response.content_type = "application/yaml";
    response.body = model::to_yaml(message);
  } else {
    response.content_type = "application/json";
    response.body = model::to_json(message) + "\n";
  }
  return response;
}

Response answer_json(std::string json, int status) {
  Response response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(json) + "\n";
  return response;
}

Result<std::vector<model::Object>> read_objects(const Request& request) {
  auto objects = TRY(model::decode(request.body));
  if (objects.empty()) return fail(Code::kInvalid, "the request body is empty: send one or several objects");
  return objects;
}

Result<> read_message(const Request& request, google::protobuf::Message& message) {
  if (request.body.find_first_not_of(" \t\r\n") == std::string::npos) return {};
  return model::decode_into(request.body, message);
}

Result<bool> flag(const Request& request, std::string_view name) {
  const auto it = request.query.find(std::string(name));
  if (it == request.query.end()) return false;
  if (one_of(it->second, {"", "true", "1"})) return true;
  if (one_of(it->second, {"false", "0"})) return false;
  return std::unexpected(in_parameter(name, fmt::format("\"{}\" is neither true nor false", it->second)));
}

Result<std::optional<std::uint64_t>> number(const Request& request, std::string_view name,
                                            std::uint64_t maximum) {
  const auto it = request.query.find(std::string(name));
  if (it == request.query.end()) return std::nullopt;
  const std::string& text = it->second;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > maximum)
    return std::unexpected(
        in_parameter(name, fmt::format("\"{}\" is not a whole number from 0 to {}", text, maximum)));
  return value;
}

Result<> only_parameters(const Request& request, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : request.query) {
    if (one_of(name, known)) continue;
    const std::vector<std::string> words(known.begin(), known.end());
    const std::string near = model::nearest(name, words);
    std::string message = "unknown";
    if (!near.empty()) message += fmt::format("; did you mean \"{}\"?", near);
    return std::unexpected(in_parameter(name, std::move(message)));
  }
  return {};
}

}  // namespace qleet::hub::api
