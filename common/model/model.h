// The API's kinds as data: names, plurals, how they are read from JSON and YAML and written back.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"
#include "qleet/v1/meta.pb.h"

namespace qleet::v1 {
class Application;
}

namespace qleet::model {

inline constexpr std::string_view kApiVersion = "qleet.io/v1";

// The provider of profiles that make nothing: the hub works out their outputs itself, and no agent hears of
// them.
inline constexpr std::string_view kValuesProvider = "values";

struct Kind {
  std::string_view name;        // "Application"
  std::string_view plural;      // "applications": URLs and store keys
  std::string_view short_name;  // "app": for the CLI
  bool user_writable;           // may be applied by people; the others are the hub's own
  const google::protobuf::Message* prototype;
};

const std::vector<Kind>& kinds();
// By name, plural, singular or short name, ignoring case; null when unknown.
const Kind* find_kind(std::string_view word);
const Kind& kind_of(const google::protobuf::Message& object);

using Object = std::unique_ptr<google::protobuf::Message>;

qleet::v1::ObjectMeta& meta(google::protobuf::Message& object);
const qleet::v1::ObjectMeta& meta(const google::protobuf::Message& object);

// Limits on what comes from outside.
struct DecodeLimits {
  size_t max_bytes = 1 << 20;
  unsigned max_depth = 32;
  unsigned max_documents = 256;
  // Off: structure alone is checked, for who wants to complete a document before it is judged.
  bool validate = true;
};

// One or several documents, JSON or YAML (told by the first character; YAML may hold `---`). A plain Score
// file (apiVersion score.dev/v1b1) becomes an Application of one workload. Structure is checked against the
// schema (unknown fields with the nearest known one, wrong types), then `validate` is run on each. All errors
// are returned at once, with paths and lines.
Result<std::vector<Object>> decode(std::string_view text, const DecodeLimits& limits = {});

// A single message of a known type (request bodies that are no objects). `message` keeps its type.
Result<> decode_into(std::string_view text, google::protobuf::Message& message,
                     const DecodeLimits& limits = {});

// "shop.yaml:9: spec.x: unknown field" for people; the line and the file where they are known. A message that
// starts with a placeholder stands without the field.
std::string describe(const FieldError& error);

// kInvalid with these fields, and the first of them as its message.
Error invalid(std::vector<FieldError> fields);

// What the schema cannot say: names, selectors, durations, enumerations, placeholders that refer to nothing,
// probes, ports, ... Pure; looks at this object alone. Also takes a BuildSpec (the body of a build's
// notification).
std::vector<FieldError> validate(const google::protobuf::Message& object);

// What is taken and may not be meant; sentences for people.
std::vector<std::string> warnings(const qleet::v1::Application& application);

// Canonical proto3 JSON, and the same as YAML. Fields in schema order.
std::string to_json(const google::protobuf::Message& message, bool pretty = false);
std::string to_yaml(const google::protobuf::Message& message);
// The same as a value, for templates and params.
google::protobuf::Struct to_struct(const google::protobuf::Message& message);

// RFC 1123 label: what application, environment, region, profile, agent and workload names must be.
bool is_name(std::string_view text);
// Says that `name` is not one, and what it must look like.
std::string name_rule(std::string_view name);

// Nearest of `known` to `word` by edit distance, empty when none is near enough to be meant.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

// Kubernetes label selectors: "a=b,c!=d,e in (x,y),f notin (z),g,!h". Empty matches all.
Result<> check_selector(std::string_view selector);
// False for a selector that `check_selector` refuses.
bool matches(std::string_view selector, const google::protobuf::Map<std::string, std::string>& labels);

// How many terms it has; 0 for one that matches all, or that `check_selector` refuses.
int selector_terms(std::string_view selector);

// Glob over tags: '*' and '?'.
bool glob(std::string_view pattern, std::string_view text);

}  // namespace qleet::model
