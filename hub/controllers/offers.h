// What one workload may know of another that it asks for as a service. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "qleet/v1/application.pb.h"

namespace qleet::hub::controllers {

// Types that the resolver serves itself where no profile does: another workload by its name or by an id that
// it offers, and the variables of the environment.
inline constexpr std::string_view kServiceType = "service";
inline constexpr std::string_view kEndpointType = "endpoint";
inline constexpr std::string_view kEnvironmentType = "environment";
bool is_built_in(std::string_view type);
bool asks_for_service(std::string_view type);
// These and `types`, sorted.
std::vector<std::string> with_built_in(std::vector<std::string> types);

// A workload that others may ask for.
struct Offered {
  std::string application;
  std::string workload;
  v1::ScoreService service;
};

// What applications of an environment offer to each other. Use by one thread at a time.
class Offers {
 public:
  virtual ~Offers() = default;
  virtual Result<std::optional<Offered>> find(std::string_view environment, std::string_view id) = 0;
};

// Where its containers answer, and how a URL to it begins.
struct ServicePort {
  std::string name;
  std::uint32_t port = 0;
  std::string scheme;
};

// The port that `wanted` says, by its name or number; the only one where it is empty. kInvalid, saying which
// there are.
Result<ServicePort> choose_port(const v1::ScoreService& service, std::string_view wanted);

}  // namespace qleet::hub::controllers
