#include "hub/api/router.h"

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace qleet::hub::api {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> segments;
  path.remove_prefix(1);
  for (;;) {
    const size_t slash = path.find('/');
    segments.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

std::optional<std::map<std::string, std::string>> bind(const std::vector<std::string>& pattern,
                                                       const std::vector<std::string>& path) {
  if (pattern.size() != path.size()) return std::nullopt;
  std::map<std::string, std::string> parameters;
  for (size_t i = 0; i < path.size(); ++i) {
    if (is_parameter(pattern[i])) {
      if (path[i].empty()) return std::nullopt;
      parameters[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
    } else if (pattern[i] != path[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

}  // namespace

const std::string& Call::at(std::string_view parameter) const {
  const auto it = parameters.find(std::string(parameter));
  if (it == parameters.end()) throw std::logic_error("route has no parameter " + std::string(parameter));
  return it->second;
}

void Router::add(Route route) {
  Compiled compiled{std::move(route), {}, 0};
  compiled.segments = split(compiled.route.pattern);
  compiled.literals = static_cast<size_t>(
      std::ranges::count_if(compiled.segments, [](const auto& s) { return !is_parameter(s); }));
  const auto place =
      std::ranges::upper_bound(routes_, compiled.literals, std::greater<>(), &Compiled::literals);
  routes_.insert(place, std::move(compiled));
}

Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  if (!path.starts_with('/')) return match;
  const auto segments = split(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  // A pattern with more literals hides the others: DELETE /v1/plan is not the object "plan".
  std::optional<size_t> literals;
  std::vector<std::string> allowed;
  for (const Compiled& compiled : routes_) {
    if (literals && compiled.literals < *literals) break;
    auto parameters = bind(compiled.segments, segments);
    if (!parameters) continue;
    if (compiled.route.method == wanted) {
      match.route = &compiled.route;
      match.parameters = std::move(*parameters);
      match.allow.clear();
      return match;
    }
    literals = compiled.literals;
    allowed.push_back(compiled.route.method);
    if (compiled.route.method == "GET") allowed.emplace_back("HEAD");
  }
  std::ranges::sort(allowed);
  for (const auto& name : allowed) match.allow += (match.allow.empty() ? "" : ", ") + name;
  return match;
}

}  // namespace qleet::hub::api
