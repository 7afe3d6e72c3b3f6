// Which handler answers, and who may call it. Access stands in the table, so that no handler can forget it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "hub/api/auth.h"
#include "hub/api/message.h"

namespace qleet::hub::api {

struct Call {
  const Request& request;
  const Subject& subject;                                // nobody on open routes
  const std::map<std::string, std::string>& parameters;  // of the path

  // The parameter must be in the route's pattern.
  const std::string& at(std::string_view parameter) const;
};

using Handler = std::function<Result<Response>(const Call&)>;

struct Access {
  enum class Who { kAnyone, kAuthenticated, kRule };
  Who who = Who::kRule;
  std::string verb;
  std::string kind;  // plural

  static Access open() { return {Who::kAnyone, {}, {}}; }
  // The handler asks for more itself: what is needed depends on the body.
  static Access authenticated() { return {Who::kAuthenticated, {}, {}}; }
  static Access rule(std::string_view verb, std::string_view kind) {
    return {Who::kRule, std::string(verb), std::string(kind)};
  }
};

struct Route {
  std::string method;   // GET routes answer HEAD as well
  std::string pattern;  // "/v1/{plural}/{name}"; more literal segments win over fewer
  Access access;
  Handler handler;
};

struct Match {
  const Route* route = nullptr;
  std::map<std::string, std::string> parameters;
  std::string allow;  // for 405: the methods that this path has
};

class Router {
 public:
  void add(Route route);
  // The route is null where nothing answers; `allow` is then set when another method would.
  Match match(std::string_view method, std::string_view path) const;

 private:
  struct Compiled {
    Route route;
    std::vector<std::string> segments;
    size_t literals = 0;
  };
  std::vector<Compiled> routes_;
};

}  // namespace qleet::hub::api
