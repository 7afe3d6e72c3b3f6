#include "hub/api/problem.h"

#include <fmt/format.h>

#include <cctype>

#include "hub/api/json_writer.h"

namespace qleet::hub::api {
namespace {

constexpr std::string_view kContentType = "application/problem+json";

// "NotFound" -> "https://qleet.io/problems/not-found".
std::string type_uri(std::string_view code) {
  std::string uri = "https://qleet.io/problems/";
  bool first = true;
  for (const char c : code) {
    if (std::isupper(static_cast<unsigned char>(c)) && !first) uri += '-';
    uri += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    first = false;
  }
  return uri;
}

Response make(int status, std::string_view code, std::string_view detail,
              const std::vector<FieldError>& fields) {
  JsonWriter json;
  json.begin_object();
  json.key("type").string(type_uri(code));
  json.key("title").string(status_title(status));
  json.key("status").number(status);
  json.key("detail").string(detail);
  json.key("code").string(code);
  if (!fields.empty()) {
    json.key("errors").begin_array();
    for (const FieldError& field : fields) {
      json.begin_object().key("field").string(field.field).key("message").string(field.message);
      if (field.line > 0) json.key("line").number(field.line);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
  Response response;
  response.status = status;
  response.content_type = kContentType;
  response.body = json.take();
  return response;
}

}  // namespace

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "Invalid";
    case Code::kUnauthenticated:
      return "Unauthenticated";
    case Code::kDenied:
      return "Denied";
    case Code::kNotFound:
      return "NotFound";
    case Code::kExists:
      return "AlreadyExists";
    case Code::kConflict:
      return "Conflict";
    case Code::kCompacted:
      return "Compacted";
    case Code::kTooLarge:
      return "TooLarge";
    case Code::kExhausted:
      return "Exhausted";
    case Code::kFull:
      return "StorageFull";
    case Code::kUnavailable:
      return "Unavailable";
    case Code::kDeadline:
      return "DeadlineExceeded";
    case Code::kUnsupported:
      return "Unsupported";
    case Code::kInternal:
      return "Internal";
  }
  return "Internal";
}

int status_of(Code code) {
  switch (code) {
    case Code::kInvalid:
      return 422;
    case Code::kUnauthenticated:
      return 401;
    case Code::kDenied:
      return 403;
    case Code::kNotFound:
      return 404;
    case Code::kExists:
    case Code::kConflict:
      return 409;
    case Code::kCompacted:
      return 410;
    case Code::kTooLarge:
      return 413;
    case Code::kExhausted:
      return 429;
    case Code::kFull:
      return 507;
    case Code::kUnavailable:
      return 503;
    case Code::kDeadline:
      return 504;
    case Code::kUnsupported:
      return 501;
    case Code::kInternal:
      return 500;
  }
  return 500;
}

Response problem(const Error& error) {
  Response response = make(status_of(error.code), code_name(error.code), error.message, error.fields);
  if (error.code == Code::kUnauthenticated)
    response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"qleet\"");
  return response;
}

Response problem(int status, std::string_view code, std::string_view detail) {
  return make(status, code, detail, {});
}

Response unavailable(std::string_view why) {
  Response response = problem(503, "Unavailable", why);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

std::string_view status_title(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return status >= 500 ? "Internal Server Error" : "Error";
  }
}

}  // namespace qleet::hub::api
