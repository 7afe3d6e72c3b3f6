// The hub's API as the CLI needs it: JSON in and out, problem details turned into errors.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/context.h"
#include "common/http/client.h"
#include "common/result/result.h"
#include "google/protobuf/message.h"

namespace qleet::cli {

// Thread-safe.
class HubClient {
 public:
  // `limit`: how long a request that only reads may take.
  explicit HubClient(HubContext context, Millis limit = Millis(30'000));

  // Bodies as text; `accept` chooses JSON or YAML.
  Result<std::string> get(const std::string& path, const std::string& accept = "application/json");
  Result<std::string> send(const std::string& method, const std::string& path, std::string body,
                           const http::Headers& headers = {});

  // Into a message; fields that this binary does not know are ignored, so that a newer hub can be read.
  Result<> get_into(const std::string& path, google::protobuf::Message& message);
  Result<> send_into(const std::string& method, const std::string& path, std::string body,
                     google::protobuf::Message& message, const http::Headers& headers = {});

  // Every item of a list, following `continue`, each as JSON. Where given, `left_out`: why objects that the
  // hub cannot read are not among them; `revision`: of the list, from which a watch misses nothing.
  Result<std::vector<std::string>> list(const std::string& path, std::vector<std::string>* left_out = nullptr,
                                        std::string* revision = nullptr);

  // The object as JSON, with its ETag.
  struct Tagged {
    std::string json;
    std::string etag;
  };
  Result<Tagged> get_tagged(const std::string& path);

  // Bytes of a stream as they come; false ends it.
  Result<> stream(const std::string& path, const http::OnData& on_data, std::stop_token stop = {});

  const std::string& url() const { return context_.url; }

 private:
  http::Request request(const std::string& method, const std::string& path) const;
  Result<std::string> body_of(Result<http::Response> response) const;

  HubContext context_;
  const Millis limit_;
  http::Client client_;
};

// kInternal when `json` is not what was expected: a proxy's page, say.
Result<> parse(std::string_view json, google::protobuf::Message& message);

}  // namespace qleet::cli
