// What the API needs of other parts of the hub. All are thread-safe and may block for a short while.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/model/model.h"
#include "common/result/result.h"
#include "common/text/log_line.h"
#include "hub/api/log_sink.h"
#include "qleet/v1/operations.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub::api {

// Status carries its age: what a lost agent said last is not shown as the present.
class Freshness {
 public:
  virtual ~Freshness() = default;
  // Called for each Resource and Agent before it is shown, with the object as stored: may change its status
  // only.
  virtual void refresh(google::protobuf::Message& object) const = 0;
};

// What an agent needs to dial in, once its join token was redeemed.
class Enroller {
 public:
  virtual ~Enroller() = default;
  // Before a join token is used up: kInvalid where nobody can be admitted with this request.
  virtual Result<> examine(const v1::EnrolRequest& request) = 0;
  // Fills in epoch, and what the agent needs for the bus, for an agent that is in the store. With a
  // certificate where it asks for one. Repeatable.
  virtual Result<v1::EnrolResult> admit(const v1::Agent& agent, const std::string& tls_request) = 0;
  // A certificate for the bus, for an agent that is in the store. Repeatable.
  virtual Result<v1::CertificateResult> certify(const v1::Agent& agent, const std::string& tls_request) = 0;
  // Cuts a revoked agent off at once. Repeatable.
  virtual Result<> expel(const v1::Agent& agent) = 0;
};

struct LogQuery {
  struct Of {
    std::string resource;  // name of a Resource
    // Of its lines in the stream: "<source>" of the agent's is put behind it where `parts` is set.
    std::string name;  // "dev/eu-1/web", "dev/eu-1/postgres/web.db"
    bool parts = false;
  };
  std::vector<Of> resources;  // at least one
  std::string container;      // empty: all of them
  LogWish wish;
};

class LogSource {
 public:
  virtual ~LogSource() = default;
  // Feeds `sink` from any threads until everything was said (finish), or the sink is cancelled. Lines begin
  // with their time. An agent that is away is said as a note in the sink, unless none is there at all:
  // kUnavailable.
  virtual Result<> open(const LogQuery& query, std::shared_ptr<LogSink> sink) = 0;
};

}  // namespace qleet::hub::api
