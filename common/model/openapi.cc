#include "common/model/openapi.h"

#include <fmt/format.h>

#include <cctype>
#include <map>
#include <set>

#include "common/model/model.h"
#include "common/model/openapi_schemas.h"
#include "common/model/sink.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::model {
namespace {

using google::protobuf::Descriptor;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kYaml = "application/yaml";

class Document {
 public:
  std::string write(const ApiInfo& info, const std::vector<ApiOperation>& operations) {
    map([&] {
      text("openapi", "3.1.0");
      object("info", [&] {
        text("title", info.title);
        text("version", info.version);
        text("description", info.description);
      });
      sink_.key("security");
      sink_.begin_list(false);
      map([&] {
        sink_.key("token");
        sink_.begin_list(true);
        sink_.end_list();
      });
      sink_.end_list();
      object("paths", [&] { paths(operations); });
      object("components", [&] { components(operations); });
    });
    return sink_.take();
  }

 private:
  template <class F>
  void map(F&& content) {
    sink_.begin_map(false);
    content();
    sink_.end_map();
  }
  template <class F>
  void object(std::string_view key, F&& content) {
    sink_.key(key);
    map(content);
  }
  void text(std::string_view key, std::string_view value) {
    sink_.key(key);
    sink_.string(value);
  }
  void flag(std::string_view key, bool value) {
    sink_.key(key);
    sink_.literal(value ? "true" : "false");
  }

  // One body in both languages; `schema` writes it.
  template <class F>
  void content(F&& schema, bool or_events = false) {
    object("content", [&] {
      for (const auto type : {kJson, kYaml}) {
        object(type, [&] {
          sink_.key("schema");
          schema();
        });
      }
      if (or_events) {
        // With watch. Last: generators take the first that they know.
        object("text/event-stream", [&] { object("schema", [&] { text("type", "string"); }); });
      }
    });
  }

  void parameter(const ApiParameter& parameter) {
    map([&] {
      text("name", parameter.name);
      text("in", parameter.in);
      if (parameter.required) flag("required", true);
      if (!parameter.description.empty()) text("description", parameter.description);
      object("schema", [&] { text("type", parameter.type); });
    });
  }

  void parameters(std::string_view path, const std::vector<ApiParameter>& given) {
    std::vector<ApiParameter> all;
    for (size_t at = path.find('{'); at != std::string_view::npos; at = path.find('{', at + 1)) {
      const auto name = path.substr(at + 1, path.find('}', at) - at - 1);
      all.push_back({.name = name, .type = "string", .description = "", .in = "path", .required = true});
    }
    all.insert(all.end(), given.begin(), given.end());
    if (all.empty()) return;
    sink_.key("parameters");
    sink_.begin_list(false);
    for (const auto& one : all) parameter(one);
    sink_.end_list();
  }

  void any_object() {
    map([&] {
      sink_.key("oneOf");
      sink_.begin_list(false);
      for (const auto& kind : kinds()) {
        if (kind.user_writable) write_reference(*kind.prototype->GetDescriptor(), sink_);
      }
      sink_.end_list();
      object("discriminator", [&] { text("propertyName", "kind"); });
    });
  }

  void responses(const ApiOperation& operation, std::string_view list_of) {
    object("responses", [&] {
      object(std::to_string(operation.status), [&] {
        text("description", "Done.");
        if (!list_of.empty()) {
          content([&] { reference(fmt::format("{}List", list_of)); }, true);
        } else if (operation.response != nullptr) {
          content([&] { write_reference(*operation.response, sink_); });
        } else if (!operation.response_type.empty()) {
          object("content", [&] {
            object(operation.response_type, [&] {
              sink_.key("schema");
              if (operation.response_type == kJson) {
                reference("AnyObject");
              } else {
                map([&] { text("type", "string"); });
              }
            });
          });
        }
      });
      for (const auto& [status, description] : operation.also) {
        object(std::to_string(status), [&] {
          text("description", description);
          if (operation.response != nullptr) content([&] { write_reference(*operation.response, sink_); });
        });
      }
      object("default", [&] { text("$ref", "#/components/responses/Problem"); });
    });
  }

  void reference(std::string_view schema) {
    map([&] { text("$ref", fmt::format("#/components/schemas/{}", schema)); });
  }

  // A page of each kind: components as well, for what stands in the place where it is used has no name.
  void lists() {
    for (const auto& kind : kinds()) {
      object(fmt::format("{}List", kind.name), [&] {
        text("type", "object");
        object("properties", [&] {
          for (const auto* word : {"apiVersion", "kind"}) object(word, [&] { text("type", "string"); });
          sink_.key("metadata");
          reference("ListMeta");
          object("items", [&] {
            text("type", "array");
            sink_.key("items");
            reference(kind.name);
          });
        });
      });
    }
    object("ListMeta", [&] {
      text("type", "object");
      object("properties", [&] {
        for (const auto* word : {"resourceVersion", "continue"})
          object(word, [&] { text("type", "string"); });
        object("undecodable", [&] {
          text("type", "array");
          text("description", "Objects of the page that the store holds damaged.");
          sink_.key("items");
          reference("Undecodable");
        });
      });
    });
    object("AnyObject", [&] {
      text("type", "object");
      flag("additionalProperties", true);
    });
    object("Undecodable", [&] {
      text("type", "object");
      object("properties", [&] {
        for (const auto* word : {"name", "message"}) object(word, [&] { text("type", "string"); });
      });
    });
  }

  void operation(const ApiOperation& one, std::string_view tag, std::string_view list_of = {}) {
    std::string method(one.method);
    for (auto& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    object(method, [&] {
      text("operationId", one.id);
      text("summary", one.summary);
      sink_.key("tags");
      sink_.begin_list(false);
      sink_.string(tag);
      sink_.end_list();
      if (one.open) {
        sink_.key("security");
        sink_.begin_list(true);
        sink_.end_list();
      }
      parameters(one.path, one.parameters);
      if (one.request != nullptr || one.objects) {
        object("requestBody", [&] {
          flag("required", true);
          content([&] { one.objects ? any_object() : write_reference(*one.request, sink_); });
        });
      }
      responses(one, list_of);
    });
  }

  // The plain operations of a kind, under the path that they share.
  struct Plain {
    ApiOperation operation;
    std::string path, id, summary;  // what its views refer to
    std::string_view list_of;
  };

  static std::vector<Plain> plain_operations(const Kind& kind) {
    static const std::vector<ApiParameter> kListing = {
        {"labelSelector", "string", "Only those whose labels match, e.g. tier=prod,geo in (eu,us)."},
        {"limit", "integer", "At most so many; the answer's metadata.continue leads on."},
        {"continue", "string", "From the answer before."},
        {"watch", "boolean", "Stream the changes as server-sent events instead."},
        {"resourceVersion", "string", "With watch: from this revision on."}};
    static const ApiParameter kDryRun = {"dryRun", "boolean", "Check and answer, write nothing."};
    static const ApiParameter kIfMatch = {"If-Match", "string", "Only if the object still has this ETag.",
                                          "header"};
    const std::string all = fmt::format("/v1/{}", kind.plural);
    const std::string one = all + "/{name}";
    const auto* type = kind.prototype->GetDescriptor();
    std::vector<Plain> plain;
    const auto add = [&](std::string_view method, const std::string& path, std::string_view verb) -> Plain& {
      Plain& added = plain.emplace_back();
      added.operation.method = method;
      added.path = path;
      added.id = fmt::format("{}{}{}", verb, kind.name, verb == "list" ? "s" : "");
      added.summary =
          fmt::format("{}{} {}", static_cast<char>(std::toupper(verb[0])), verb.substr(1),
                      verb == "list" ? std::string(kind.plural) : fmt::format("one of {}", kind.plural));
      added.operation.response = type;
      return added;
    };
    auto& list = add("GET", all, "list");
    list.operation.parameters = kListing;
    list.list_of = kind.name;
    if (kind.user_writable) {
      auto& create = add("POST", all, "create").operation;
      create.request = type;
      create.status = 201;
      create.parameters = {kDryRun};
    }
    add("GET", one, "get");
    if (kind.user_writable) {
      auto& put = add("PUT", one, "put").operation;
      put.request = type;
      put.parameters = {kDryRun, kIfMatch};
      put.also = {{201, "It was not there: made."}};
    }
    auto& erase = add("DELETE", one, "delete").operation;
    erase.parameters = {kDryRun, kIfMatch};
    if (kind.name == "Application")
      erase.parameters.push_back(
          {"deleteData", "boolean", "Delete the data that only it uses as well; without it, data is kept."});
    if (kind.name == "Secret")
      erase.parameters.push_back({"force", "boolean", "Also one that somebody uses, who keeps what he has."});
    erase.response = qleet::v1::EraseResult::descriptor();
    return plain;
  }

  static std::string_view tag_of(std::string_view path) {
    const auto word = path.starts_with("/v1/") ? path.substr(4) : path.substr(1);
    return word.substr(0, word.find('/'));
  }

  void paths(const std::vector<ApiOperation>& operations) {
    std::vector<std::vector<Plain>> plain;
    struct Placed {
      const ApiOperation* operation;
      std::string_view list_of;
    };
    std::map<std::string_view, std::map<std::string_view, Placed>> by_path;  // -> method -> operation
    plain.reserve(kinds().size());
    for (const auto& kind : kinds()) plain.push_back(plain_operations(kind));
    for (auto& of_kind : plain) {
      for (auto& one : of_kind) {
        one.operation.path = one.path;
        one.operation.id = one.id;
        one.operation.summary = one.summary;
        by_path[one.path].emplace(one.operation.method, Placed{&one.operation, one.list_of});
      }
    }
    // The caller's own win: POST /v1/builds is not a plain create.
    for (const auto& one : operations) by_path[one.path].insert_or_assign(one.method, Placed{&one, {}});
    for (const auto& [path, methods] : by_path) {
      object(path, [&] {
        for (const auto& [method, placed] : methods)
          operation(*placed.operation, tag_of(path), placed.list_of);
      });
    }
  }

  void problem() {
    object("Problem", [&] {
      text("type", "object");
      text("description", "RFC 9457 problem details.");
      object("properties", [&] {
        for (const auto* word : {"type", "title", "detail", "code"})
          object(word, [&] { text("type", "string"); });
        object("status", [&] { text("type", "integer"); });
        object("errors", [&] {
          text("type", "array");
          sink_.key("items");
          reference("ProblemField");
        });
      });
    });
    object("ProblemField", [&] {
      text("type", "object");
      object("properties", [&] {
        for (const auto* word : {"field", "message"}) object(word, [&] { text("type", "string"); });
        object("line", [&] { text("type", "integer"); });
      });
    });
  }

  void components(const std::vector<ApiOperation>& operations) {
    object("securitySchemes", [&] {
      object("token", [&] {
        text("type", "http");
        text("scheme", "bearer");
      });
    });
    object("responses", [&] {
      object("Problem", [&] {
        text("description", "Refused, or failed; says why.");
        object("content", [&] {
          object("application/problem+json",
                 [&] { object("schema", [&] { text("$ref", "#/components/schemas/Problem"); }); });
        });
      });
    });
    std::set<const Descriptor*> messages;
    collect_messages(*qleet::v1::EraseResult::descriptor(), messages);  // of every delete
    for (const auto& kind : kinds()) collect_messages(*kind.prototype->GetDescriptor(), messages);
    for (const auto& one : operations) {
      for (const auto* type : {one.request, one.response}) {
        if (type != nullptr) collect_messages(*type, messages);
      }
    }
    std::map<std::string_view, const Descriptor*> by_name;
    for (const auto* type : messages) by_name.emplace(type->name(), type);
    object("schemas", [&] {
      for (const auto& [name, type] : by_name) {
        sink_.key(name);
        write_schema(*type, sink_);
      }
      lists();
      problem();
    });
  }

  JsonSink sink_{false};
};

}  // namespace

std::string openapi(const ApiInfo& info, const std::vector<ApiOperation>& operations) {
  return Document().write(info, operations);
}

}  // namespace qleet::model
