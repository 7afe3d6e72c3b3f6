#include "providers/route/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "common/template/route_address.h"
#include "providers/route/handover.h"

namespace qleet::route {

namespace {

constexpr std::string_view kHead = R"(# Written by QleetOS; changes are lost.
global
  log stdout format raw local0 notice
  description {}
  stats socket /run/qleet/admin.sock mode 600 level admin expose-fd listeners
  # A worker of before a reload ends each connection with its present request, at the latest after this time. Its
  # servers can no longer be changed, so it must not be given longer (no close-spread-time).
  hard-stop-after 10m
  # Holds the headers of a request, or of a response, and room for those that are added here.
  tune.bufsize {}
  tune.http.maxhdr 256

defaults
  mode http
  log global
  balance roundrobin
  option forwardfor
  option redispatch 1
  retries 3
  # A request that a dying server has not answered goes to another one, unless doing it twice may matter.
  retry-on conn-failure empty-response
  http-reuse safe
  timeout connect {}ms
  timeout client {}ms
  timeout server {}ms
  timeout http-request {}ms
  timeout http-keep-alive {}ms
  timeout tunnel {}ms
  timeout queue 10s
  default-server inter 1s fall 2 rise 1 check
  http-error status 503 content-type text/plain string "No instance of this application is ready.\n"

frontend http
  bind {}:{}
  http-request set-var(txn.host) req.hdr(host),field(1,:),lower,rtrim(.)
  http-request set-var(txn.domain) var(txn.host),field(2,.,0)
  http-request disable-l7-retry if !METH_GET !{{ method HEAD OPTIONS }}
  http-request set-header X-Forwarded-Proto http if !{{ req.hdr(X-Forwarded-Proto) -m found }}
)";

constexpr std::string_view kNowhere = R"(  default_backend nowhere

backend nowhere
  http-request return status 404 content-type text/plain string "Nothing is routed here.\n"
)";

// haproxy's own tune.maxrewrite.
constexpr unsigned kForAdded = 1'024;

// That a request is for this host, or for one that the wildcard stands for.
std::string asks_for(const std::string& host) {
  if (templates::is_wildcard(host))
    return fmt::format("{{ var(txn.domain) -m str {} }}", templates::wildcard_of(host));
  return fmt::format("{{ var(txn.host) -m str {} }}", host);
}

std::string condition(const Entry& entry, std::string_view path) {
  std::string out;
  if (!entry.host.empty()) out += " " + asks_for(entry.host);
  out += fmt::format(" {}", path);
  return out;
}

}  // namespace

namespace {

enum class Breadth { kName, kWildcard, kAny };

Breadth breadth_of(const std::string& host) {
  return host.empty() ? Breadth::kAny : templates::is_wildcard(host) ? Breadth::kWildcard : Breadth::kName;
}

}  // namespace

void sort_by_precedence(std::vector<Entry>& entries) {
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return std::tuple(breadth_of(a.host), b.path.size(), a.host, a.path, a.resource) <
           std::tuple(breadth_of(b.host), a.path.size(), b.host, b.path, b.resource);
  });
}

namespace {

void route_to(const Entry& entry, std::string& out) {
  if (entry.path == "/") {
    out += fmt::format("  use_backend {}{}\n", entry.backend,
                       entry.host.empty() ? std::string(" if TRUE") : " if" + condition(entry, "TRUE"));
    return;
  }
  // "/api" is itself and what is below it, not "/apiary".
  const std::string exact = condition(entry, fmt::format("{{ path -m str {} }}", entry.path));
  const std::string below = condition(entry, fmt::format("{{ path -m beg {}/ }}", entry.path));
  out += fmt::format("  use_backend {} if{} or{}\n", entry.backend, exact, below);
}

void add_backend(const Entry& entry, std::string& out) {
  const auto back = std::back_inserter(out);
  fmt::format_to(back, "\n# {}\nbackend {}\n", entry.resource, entry.backend);
  for (unsigned slot = 0; slot < entry.slots; ++slot) {
    if (slot < entry.targets.size() && entry.targets[slot].port != 0) {
      fmt::format_to(back, "  server s{} {}:{}\n", slot, entry.targets[slot].ip, entry.targets[slot].port);
    } else {
      fmt::format_to(back, "  server s{} 127.0.0.1:1 disabled\n", slot);
    }
  }
}

}  // namespace

ClosedHosts closed_hosts(const std::vector<Entry>& entries) {
  using Applications = std::set<std::string>;
  Applications any;
  std::map<std::string, Applications> wildcards;
  std::map<std::string, Applications> asked;  // by host, also while they wait for their turn
  for (const auto& entry : entries) {
    const auto application = application_of(entry.resource);
    if (entry.serves && breadth_of(entry.host) == Breadth::kAny) any.insert(application);
    if (entry.serves && breadth_of(entry.host) == Breadth::kWildcard)
      wildcards[entry.host].insert(application);
    if (entry.rendered() && !entry.host.empty()) asked[entry.host].insert(application);
  }
  const auto of_others = [](const Applications& broader, const Applications& own) {
    return !broader.empty() && !std::ranges::includes(own, broader);
  };
  ClosedHosts closed;
  for (const auto& [host, applications] : asked) {
    if (of_others(any, applications)) closed.to_any.push_back(host);
    const auto covers = [&, host = host](const auto& one) { return templates::is_covered(host, one.first); };
    const auto wildcard = std::ranges::find_if(wildcards, covers);
    if (wildcard != wildcards.end() && of_others(wildcard->second, applications))
      closed.to_wildcards.push_back(host);
  }
  return closed;
}

std::string render(const Listen& listen, std::vector<Entry> entries, std::string_view description) {
  sort_by_precedence(entries);
  const auto& with = listen.settings;
  std::string out = fmt::format(kHead, description, with.max_header + kForAdded, with.connect.count(),
                                with.idle.count(), with.response.count(), with.request.count(),
                                with.keep_alive.count(), with.tunnel.count(), listen.address, listen.port);
  const auto lead = [&](Breadth breadth) {
    for (const auto& entry : entries)
      if (entry.serves && breadth_of(entry.host) == breadth) route_to(entry, out);
  };
  const auto close = [&](const std::vector<std::string>& hosts) {
    for (const auto& host : hosts) out += fmt::format("  use_backend nowhere if {}\n", asks_for(host));
  };
  const auto closed = closed_hosts(entries);
  lead(Breadth::kName);
  close(closed.to_wildcards);
  lead(Breadth::kWildcard);
  close(closed.to_any);
  lead(Breadth::kAny);
  out += kNowhere;
  for (const auto& entry : entries)
    if (entry.rendered()) add_backend(entry, out);
  return out;
}

}  // namespace qleet::route
