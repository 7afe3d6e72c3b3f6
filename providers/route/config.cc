#include "providers/route/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

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
  timeout connect 2s
  timeout client 60s
  timeout server 5m
  timeout http-request 30s
  timeout http-keep-alive 60s
  timeout tunnel 1h
  timeout queue 10s
  default-server inter 1s fall 2 rise 1 check
  http-error status 503 content-type text/plain string "No instance of this application is ready.\n"

frontend http
  bind {}:{}
  http-request set-var(txn.host) req.hdr(host),field(1,:),lower
  http-request disable-l7-retry if !METH_GET !{{ method HEAD OPTIONS }}
  http-request set-header X-Forwarded-Proto http if !{{ req.hdr(X-Forwarded-Proto) -m found }}
)";

constexpr std::string_view kNowhere = R"(  default_backend nowhere

backend nowhere
  http-request return status 404 content-type text/plain string "Nothing is routed here.\n"
)";

std::string condition(const Entry& entry, std::string_view path) {
  std::string out;
  if (!entry.host.empty()) out += fmt::format(" {{ var(txn.host) -m str {} }}", entry.host);
  out += fmt::format(" {}", path);
  return out;
}

}  // namespace

void sort_by_precedence(std::vector<Entry>& entries) {
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return std::tuple(a.host.empty(), b.path.size(), a.host, a.path, a.resource) <
           std::tuple(b.host.empty(), a.path.size(), b.host, b.path, b.resource);
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

std::vector<std::string> closed_hosts(const std::vector<Entry>& entries) {
  std::set<std::string> any;  // applications that asked for any host
  std::map<std::string, std::set<std::string>> named;
  for (const auto& entry : entries) {
    if (entry.host.empty() && entry.serves) any.insert(application_of(entry.resource));
    if (!entry.host.empty() && entry.rendered()) named[entry.host].insert(application_of(entry.resource));
  }
  std::vector<std::string> closed;
  for (const auto& [host, applications] : named) {
    const bool own = std::ranges::includes(applications, any);
    if (!any.empty() && !own) closed.push_back(host);
  }
  return closed;
}

std::string render(const Listen& listen, std::vector<Entry> entries, std::string_view description) {
  sort_by_precedence(entries);
  std::string out = fmt::format(kHead, description, listen.address, listen.port);
  for (const auto& entry : entries)
    if (entry.serves && !entry.host.empty()) route_to(entry, out);
  for (const auto& host : closed_hosts(entries))
    out += fmt::format("  use_backend nowhere if {{ var(txn.host) -m str {} }}\n", host);
  for (const auto& entry : entries)
    if (entry.serves && entry.host.empty()) route_to(entry, out);
  out += kNowhere;
  for (const auto& entry : entries)
    if (entry.rendered()) add_backend(entry, out);
  return out;
}

}  // namespace qleet::route
