#include "cli/hub_client.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include "cli/exit_codes.h"
#include "common/http/problem.h"

namespace qleet::cli {
namespace {

// Of a request that got no answer.
Error about_hub(Error error) {
  const auto says = [&](std::string_view words) { return error.message.contains(words); };
  // A CA helps neither against another name nor against another time.
  if (says("certificate is not trusted") && !says("mismatch") && !says("expired") && !says("not yet valid"))
    error.message += "; name the hub's CA: QLEET_CA=FILE, or qleet login https://HOST:7443 --ca FILE";
  return wrap(std::move(error), "hub");
}

}  // namespace

Exit exit_of(Code code) {
  switch (code) {
    case Code::kInvalid:
    case Code::kTooLarge:
    case Code::kUnsupported:
      return Exit::kInvalid;
    case Code::kUnauthenticated:
    case Code::kDenied:
      return Exit::kDenied;
    case Code::kNotFound:
      return Exit::kNotFound;
    case Code::kExists:
    case Code::kConflict:
      return Exit::kConflict;
    case Code::kUnavailable:
      return Exit::kUnavailable;
    case Code::kDeadline:
      return Exit::kTimeout;
    case Code::kCompacted:
    case Code::kExhausted:
    case Code::kFull:
    case Code::kInternal:
      return Exit::kFailed;
  }
  return Exit::kFailed;
}

Result<> parse(std::string_view json, google::protobuf::Message& message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const auto status =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &message, options);
  if (!status.ok())
    return fail(
        Code::kInternal,
        "the hub's answer is not understood; is this a QleetOS hub, and of this version? (qleet version)");
  return {};
}

HubClient::HubClient(HubContext context, Millis limit)
    : context_(std::move(context)),
      limit_(limit),
      client_({.tls = {.ca_pem = context_.ca_pem, .pinned_ca_sha256 = {}},
               .connect_timeout = std::min(limit, Millis(5'000))}) {}

http::Request HubClient::request(const std::string& method, const std::string& path) const {
  http::Request result;
  result.method = method;
  result.timeout = limit_;
  result.url = context_.url + path;
  if (!context_.token.empty()) result.headers.emplace_back("Authorization", "Bearer " + context_.token);
  return result;
}

Result<std::string> HubClient::body_of(Result<http::Response> response) const {
  if (!response) return std::unexpected(about_hub(std::move(response).error()));
  if (!response->ok()) return std::unexpected(http::error_of(*response));
  return std::move(response->body);
}

Result<std::string> HubClient::get(const std::string& path, const std::string& accept) {
  auto r = request("GET", path);
  r.headers.emplace_back("Accept", accept);
  return body_of(client_.request(r));
}

Result<std::string> HubClient::send(const std::string& method, const std::string& path, std::string body,
                                    const http::Headers& headers) {
  auto r = request(method, path);
  const bool yaml = !body.empty() && body.front() != '{' && body.front() != '[';
  if (!body.empty()) r.headers.emplace_back("Content-Type", yaml ? "application/yaml" : "application/json");
  r.headers.insert(r.headers.end(), headers.begin(), headers.end());
  r.body = std::move(body);
  r.timeout = Millis(120'000);
  return body_of(client_.request(r));
}

Result<> HubClient::get_into(const std::string& path, google::protobuf::Message& message) {
  return parse(TRY(get(path)), message);
}

Result<> HubClient::send_into(const std::string& method, const std::string& path, std::string body,
                              google::protobuf::Message& message, const http::Headers& headers) {
  return parse(TRY(send(method, path, std::move(body), headers)), message);
}

Result<HubClient::Tagged> HubClient::get_tagged(const std::string& path) {
  auto response = client_.request(request("GET", path));
  std::string etag;
  if (response) etag = response->header("etag");
  return Tagged{TRY(body_of(std::move(response))), std::move(etag)};
}

Result<std::vector<std::string>> HubClient::list(const std::string& path, std::vector<std::string>* left_out,
                                                 std::string* revision) {
  std::vector<std::string> items;
  std::string next;
  do {
    google::protobuf::Struct page;
    const std::string separator = path.contains('?') ? "&" : "?";
    auto read = get_into(path + (next.empty() ? "" : separator + "continue=" + http::encode(next)), page);
    if (!read) return std::unexpected(std::move(read).error());
    auto& fields = *page.mutable_fields();
    for (const auto& item : fields["items"].list_value().values()) {
      std::string json;
      if (google::protobuf::util::MessageToJsonString(item.struct_value(), &json).ok())
        items.push_back(std::move(json));
    }
    auto& metadata = *fields["metadata"].mutable_struct_value()->mutable_fields();
    if (left_out)
      for (const auto& one : metadata["undecodable"].list_value().values())
        if (const auto why = one.struct_value().fields().find("message");
            why != one.struct_value().fields().end())
          left_out->push_back(why->second.string_value());
    if (revision) *revision = metadata["resourceVersion"].string_value();
    next = metadata["continue"].string_value();
  } while (!next.empty());
  return items;
}

Result<> HubClient::stream(const std::string& path, const http::OnData& on_data, std::stop_token stop) {
  auto r = request("GET", path);
  r.timeout = Millis(0);
  r.stop = std::move(stop);
  auto response = client_.stream(r, on_data);
  if (!response) return std::unexpected(about_hub(std::move(response).error()));
  if (!response->ok()) return std::unexpected(http::error_of(*response));
  return {};
}

}  // namespace qleet::cli
