#include <fmt/format.h>

#include "common/crypto/encoding.h"
#include "hub/access/reach.h"
#include "hub/api/content.h"
#include "hub/api/filter.h"
#include "hub/api/json_writer.h"
#include "hub/api/problem.h"
#include "hub/api/routes.h"
#include "hub/api/watch.h"
#include "hub/store/keys.h"
#include "hub/store/objects.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::api {
namespace {

constexpr size_t kDefaultLimit = 500;
constexpr size_t kLargestLimit = 1000;
constexpr size_t kScanAtOnce = 500;
// A list that matches little reads this many objects at most before it answers, with a `continue`.
constexpr size_t kScanLimit = 20'000;
constexpr size_t kListBytes = 4 << 20;
constexpr size_t kUnreadableAtOnce = 20;

Error not_found(const model::Kind& kind, std::string_view name) {
  return {Code::kNotFound, fmt::format("{} \"{}\": not found", kind.name, name), {}};
}

Result<Shower::Shown> load(const Handlers& h, const model::Kind& kind, const std::string& name) {
  const auto reader = TRY(h.hub.store.snapshot());
  const auto entry = TRY(reader->get(keys::object(kind.plural, name)));
  if (!entry) return std::unexpected(not_found(kind, name));
  return h.shower.show(kind, name, entry->value, entry->revision);
}

bool lists_tag(std::string_view header, std::string_view tag) {
  while (!header.empty()) {
    std::string_view one = header.substr(0, header.find(','));
    header.remove_prefix(std::min(header.size(), one.size() + 1));
    while (one.starts_with(' ')) one.remove_prefix(1);
    while (one.ends_with(' ')) one.remove_suffix(1);
    if (one.starts_with("W/")) one.remove_prefix(2);
    if (one == "*" || one == tag) return true;
  }
  return false;
}

// What is not for a subject is as if it were not there, where its name does not tell whose it is.
Result<> show_to(const Subject& subject, google::protobuf::Message& object) {
  if (subject.applications.empty()) return {};
  if (!access::within(object, subject.applications))
    return std::unexpected(not_found(model::kind_of(object), model::meta(object).name()));
  access::narrow(object, subject.applications);
  return {};
}

Result<Response> get_object(const Handlers& h, const model::Kind& kind, const Call& call) {
  TRY(only_parameters(call.request, {}));
  TRY(call.subject.require_name(kind.plural, call.at("name")));
  const auto shown = TRY(load(h, kind, call.at("name")));
  TRY(show_to(call.subject, *shown.object));
  Response response;
  if (lists_tag(call.request.header("if-none-match"), shown.etag))
    response.status = 304;
  else
    response = answer(call.request, *shown.object);
  response.headers.emplace_back("ETag", shown.etag);
  return response;
}

// Where a list goes on: the key after which, and the revision of its first page.
struct Continue {
  Revision revision = 0;
  std::string after;
};

std::string encode(const Continue& at) {
  return crypto::base64url(fmt::format("{}:{}", at.revision, at.after));
}

Result<Continue> decode_continue(std::string_view text, std::string_view prefix) {
  const auto bad = [] {
    return fail(Code::kInvalid,
                "query parameter continue: not one that this list gave; begin again without it");
  };
  const auto plain = crypto::unbase64url(text);
  if (!plain) return bad();
  const size_t colon = plain->find(':');
  if (colon == std::string::npos) return bad();
  const auto revision = etag_revision(std::string_view(*plain).substr(0, colon));
  Continue at{revision.value_or(0), plain->substr(colon + 1)};
  if (!revision || !at.after.starts_with(prefix)) return bad();
  return at;
}

// A page of a list. The revision is that of the list's first page: a watch from there misses nothing,
// whatever changed between the pages.
struct Unreadable {
  std::string name;
  std::string why;
};
struct Page {
  std::vector<model::Object> objects;
  std::vector<Unreadable> unreadable;  // what else stands between them
  Revision revision = 0;
  std::string next;  // empty: complete
};

Result<Page> read_page(const Handlers& h, const model::Kind& kind, const Filter& filter,
                       std::string_view token, size_t limit) {
  const std::string prefix = filter.key_prefix(kind);
  const auto reader = TRY(h.hub.store.snapshot());
  Continue at{reader->revision(), {}};
  if (!token.empty()) at = TRY(decode_continue(token, prefix));
  Page page;
  page.revision = at.revision;
  size_t bytes = 0;
  for (size_t scanned = 0;;) {
    const auto entries = TRY(reader->scan({.prefix = prefix, .after = at.after, .limit = kScanAtOnce}));
    for (const Entry& entry : entries) {
      if (scanned++ >= kScanLimit || bytes >= kListBytes) {
        page.next = encode(at);
        return page;
      }
      auto read = h.shower.show(kind, keys::last(entry.key), entry.value, entry.revision);
      if (!read) {
        h.unreadable->note(entry.key, entry.revision, read.error().message);
        // Whose it is cannot be told.
        if (filter.only.empty() && page.unreadable.size() < kUnreadableAtOnce)
          page.unreadable.push_back({printable(keys::last(entry.key)), read.error().message});
        at.after = entry.key;
        continue;
      }
      auto& shown = *read;
      if (!filter.matches(*shown.object)) {
        at.after = entry.key;
        continue;
      }
      // Only now is it known that there is more.
      if (page.objects.size() >= limit) {
        page.next = encode(at);
        return page;
      }
      at.after = entry.key;
      bytes += entry.value.size();
      filter.narrow(*shown.object);
      page.objects.push_back(std::move(shown.object));
    }
    if (entries.size() < kScanAtOnce) return page;
  }
}

Response write_list(const Request& request, const model::Kind& kind, const Page& page) {
  if (accepted_format(request.header("accept")) == Format::kYaml) {
    Response response;
    response.content_type = "application/yaml";
    for (const auto& object : page.objects) {
      if (!response.body.empty()) response.body += "---\n";
      response.body += model::to_yaml(*object);
    }
    return response;
  }
  JsonWriter json;
  json.begin_object().key("apiVersion").string(model::kApiVersion);
  json.key("kind").string(fmt::format("{}List", kind.name));
  json.key("metadata").begin_object();
  json.key("resourceVersion").string(std::to_string(page.revision));
  if (!page.next.empty()) json.key("continue").string(page.next);
  if (!page.unreadable.empty()) {
    json.key("undecodable").begin_array();
    for (const auto& one : page.unreadable)
      json.begin_object().key("name").string(one.name).key("message").string(one.why).end_object();
    json.end_array();
  }
  json.end_object();
  json.key("items").begin_array();
  for (const auto& object : page.objects) json.raw(model::to_json(*object));
  json.end_array().end_object();
  return answer_json(json.take());
}

Result<Response> watch(const Handlers& h, const model::Kind& kind, const Filter& filter, const Call& call) {
  TRY(call.subject.require("watch", kind.plural));
  WatchOptions options{.kind = &kind, .filter = filter, .after = std::nullopt};
  // What EventSource sends when it comes back wins over the URL that it was made with.
  if (const auto last = call.request.header("last-event-id"); !last.empty()) {
    options.after = etag_revision(last);
    if (!options.after)
      return fail(Code::kInvalid, fmt::format("header Last-Event-ID: \"{}\" is no revision", last));
  } else if (const auto from = TRY(number(call.request, "resourceVersion", INT64_MAX))) {
    options.after = *from;
  }
  Response response;
  response.content_type = "text/event-stream";
  response.stream = TRY(WatchStream::open(h.hub.store, h.hub.clock, h.shower, std::move(options)));
  return response;
}

Result<Response> list(const Handlers& h, const model::Kind& kind, const Call& call) {
  TRY(only_parameters(call.request, {"labelSelector", "application", "environment", "region", "limit",
                                     "continue", "watch", "resourceVersion"}));
  Filter filter = TRY(read_filter(call.request, kind));
  filter.only = call.subject.applications;
  if (TRY(flag(call.request, "watch"))) return watch(h, kind, filter, call);
  auto limit = TRY(number(call.request, "limit", kLargestLimit)).value_or(kDefaultLimit);
  if (limit == 0) limit = kDefaultLimit;
  const Page page = TRY(read_page(h, kind, filter, call.request.parameter("continue"), limit));
  Response response = write_list(call.request, kind, page);
  response.headers.emplace_back("X-Resource-Version", std::to_string(page.revision));
  if (!page.next.empty()) response.headers.emplace_back("X-Continue", page.next);
  // RFC 7234: 199 is a warning of any kind.
  for (const auto& one : page.unreadable)
    response.headers.emplace_back(
        "Warning",
        fmt::format("199 qleet-hub \"{} {} cannot be read and is left out\"", kind.name, one.name));
  return response;
}

// The single object in the body of a request to its own address.
Result<std::vector<model::Object>> read_one(const Request& request, const model::Kind& kind) {
  auto objects = TRY(read_objects(request));
  if (objects.size() != 1)
    return fail(Code::kInvalid,
                fmt::format("the body holds {} objects, where one {} is wanted; several go to "
                            "/v1/apply",
                            objects.size(), kind.name));
  const model::Kind& found = model::kind_of(*objects[0]);
  if (found.plural != kind.plural)
    return fail(Code::kInvalid,
                fmt::format("the body holds a {}, where {} are wanted", found.name, kind.plural));
  TRY(refuse_misleading(*objects[0]));
  return objects;
}

struct Precondition {
  std::optional<Revision> revision;
  bool missing = false;  // If-None-Match: *
};

// kConflict is answered 412 by the caller when this is what failed.
Result<Precondition> read_precondition(const Request& request) {
  Precondition wanted;
  wanted.missing = request.header("if-none-match") == "*";
  const auto tag = request.header("if-match");
  if (tag.empty() || tag == "*") return wanted;
  wanted.revision = etag_revision(tag);
  if (!wanted.revision)
    return fail(Code::kInvalid, fmt::format("header If-Match: \"{}\" is no ETag of this hub", tag));
  return wanted;
}

std::optional<Response> failed_precondition(const model::Kind& kind, const std::string& name,
                                            const Precondition& wanted, const std::optional<Entry>& current) {
  const auto answer = [](std::string detail) { return problem(412, "Conflict", detail); };
  if (wanted.missing && current) return answer(fmt::format("{} \"{}\" exists", kind.name, name));
  if (wanted.revision && !current) return answer(fmt::format("{} \"{}\" does not exist", kind.name, name));
  if (wanted.revision && current->revision != *wanted.revision)
    return answer(fmt::format("{} \"{}\" has changed: it is at revision {}, not {}; read it again", kind.name,
                              name, current->revision, *wanted.revision));
  return std::nullopt;
}

Result<Response> write_object(const Handlers& h, const model::Kind& kind, const Call& call,
                              const std::vector<model::Object>& objects,
                              const frontend::ApplyOptions& options, int status) {
  TRY(require_reach(h, call.subject, *objects[0]));
  const std::string& name = model::meta(*objects[0]).name();
  const auto result = TRY(frontend::apply(h.context(), caller(call), objects, options));
  if (options.dry_run) return answer(call.request, result);
  const auto shown = TRY(load(h, kind, name));
  TRY(show_to(call.subject, *shown.object));
  Response response = answer(call.request, *shown.object, status);
  response.headers.emplace_back("ETag", shown.etag);
  if (status == 201) response.headers.emplace_back("Location", fmt::format("/v1/{}/{}", kind.plural, name));
  return response;
}

Result<Response> create_object(const Handlers& h, const model::Kind& kind, const Call& call) {
  TRY(only_parameters(call.request, {"dryRun"}));
  const auto objects = TRY(read_one(call.request, kind));
  frontend::ApplyOptions options{.dry_run = TRY(flag(call.request, "dryRun")),
                                 .expect = frontend::Expect::kCreate};
  return write_object(h, kind, call, objects, options, 201);
}

Result<Response> put_object(const Handlers& h, const model::Kind& kind, const Call& call) {
  TRY(only_parameters(call.request, {"dryRun"}));
  const std::string& name = call.at("name");
  const Precondition wanted = TRY(read_precondition(call.request));
  const auto current = TRY(TRY(h.hub.store.snapshot())->get(keys::object(kind.plural, name)));
  TRY(call.subject.require(current ? "update" : "create", kind.plural));
  const auto objects = TRY(read_one(call.request, kind));
  if (model::meta(*objects[0]).name() != name)
    return fail(Code::kInvalid, fmt::format("metadata.name is \"{}\", but the address says \"{}\"",
                                            model::meta(*objects[0]).name(), name));
  if (auto refused = failed_precondition(kind, name, wanted, current)) return *std::move(refused);
  frontend::ApplyOptions options{.dry_run = TRY(flag(call.request, "dryRun")),
                                 .expect = current ? frontend::Expect::kUpdate : frontend::Expect::kCreate,
                                 .if_match = wanted.revision};
  return write_object(h, kind, call, objects, options, current ? 200 : 201);
}

Result<Response> delete_object(const Handlers& h, const model::Kind& kind, const Call& call) {
  TRY(only_parameters(call.request, {"dryRun", "deleteData", "force"}));
  const std::string& name = call.at("name");
  const Precondition wanted = TRY(read_precondition(call.request));
  TRY(require_standing(h, call.subject, kind, name));
  const auto current = TRY(TRY(h.hub.store.snapshot())->get(keys::object(kind.plural, name)));
  frontend::EraseOptions options{.dry_run = TRY(flag(call.request, "dryRun")),
                                 .force = TRY(flag(call.request, "force")),
                                 .if_match = wanted.revision,
                                 .delete_data = TRY(flag(call.request, "deleteData"))};
  // Data may be left of an application that is gone.
  if (!current && !options.delete_data) return std::unexpected(not_found(kind, name));
  if (auto refused = failed_precondition(kind, name, wanted, current)) return *std::move(refused);
  return answer(call.request, TRY(frontend::erase(h.context(), caller(call), kind, name, options)));
}

// Keys of a Secret, whose other values nobody could send along.
Result<Response> patch_secret(const Handlers& h, const Call& call) {
  TRY(only_parameters(call.request, {"dryRun", "force"}));
  const auto& kind = model::kind_of(v1::Secret::default_instance());
  const std::string& name = call.at("name");
  const Precondition wanted = TRY(read_precondition(call.request));
  TRY(require_standing(h, call.subject, kind, name));
  const auto current = TRY(TRY(h.hub.store.snapshot())->get(keys::object(kind.plural, name)));
  TRY(call.subject.require(current ? "update" : "create", kind.plural));
  if (auto refused = failed_precondition(kind, name, wanted, current)) return *std::move(refused);
  v1::SecretPatch patch;
  TRY(read_message(call.request, patch));
  for (const auto& [key, value] : patch.data()) {
    v1::Secret probe;
    (*probe.mutable_spec()->mutable_data())[key] = value;
    TRY(refuse_misleading(probe));
  }
  return answer(call.request, TRY(frontend::patch_secret(h.context(), caller(call), name, patch,
                                                         {.dry_run = TRY(flag(call.request, "dryRun")),
                                                          .force = TRY(flag(call.request, "force")),
                                                          .if_match = wanted.revision})));
}

}  // namespace

Result<> require_reach(const Handlers& h, const Subject& subject, const google::protobuf::Message& object) {
  if (subject.applications.empty()) return {};
  TRY(subject.require_object(object));
  return require_standing(h, subject, model::kind_of(object), model::meta(object).name());
}

Result<> require_standing(const Handlers& h, const Subject& subject, const model::Kind& kind,
                          const std::string& name) {
  if (subject.applications.empty()) return {};
  TRY(subject.require_name(kind.plural, name));
  const auto standing = TRY(objects::get(*TRY(h.hub.store.snapshot()), kind, name));
  return standing ? subject.require_object(*standing) : Result<>();
}

void add_object_routes(Router& router, const Handlers& handlers) {
  using Function = Result<Response> (*)(const Handlers&, const model::Kind&, const Call&);
  for (const model::Kind& kind : model::kinds()) {
    const auto add = [&](std::string_view method, std::string_view rest, Access access, Function function) {
      router.add({std::string(method), fmt::format("/v1/{}{}", kind.plural, rest), std::move(access),
                  [&handlers, &kind, function](const Call& call) { return function(handlers, kind, call); }});
    };
    add("GET", "", Access::rule("list", kind.plural), list);
    add("GET", "/{name}", Access::rule("get", kind.plural), get_object);
    add("DELETE", "/{name}", Access::rule("delete", kind.plural), delete_object);
    if (!kind.user_writable) continue;
    add("POST", "", Access::rule("create", kind.plural), create_object);
    // Create or update, by what there is: the handler asks for the right one.
    add("PUT", "/{name}", Access::authenticated(), put_object);
  }
  router.add({"PATCH", "/v1/secrets/{name}", Access::authenticated(),
              [&handlers](const Call& call) { return patch_secret(handlers, call); }});
}

}  // namespace qleet::hub::api
