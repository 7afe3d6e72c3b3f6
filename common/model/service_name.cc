#include "common/model/service_name.h"

#include <fmt/format.h>

#include "common/model/model.h"

namespace qleet::model {

std::string service_hostname(std::string_view workload, std::string_view application,
                             std::string_view environment) {
  return fmt::format("{}.{}.{}.internal", workload, application, environment);
}

bool is_resource_id(std::string_view id) {
  if (id.size() < 2 || id.size() > 63) return false;
  while (true) {
    const auto dot = id.find('.');
    if (!is_name(id.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    id.remove_prefix(dot + 1);
  }
}

}  // namespace qleet::model
