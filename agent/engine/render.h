// Fills in what only the agent knows: outputs of dependencies, generated secrets, and what the provider found
// out
// (${self.*}). Pure.
//
//   ${requires.<alias>.<output>}, ${resources.<alias>.<output>}   an output of the dependency under that
//   alias
//   ${requires.<alias>}, ${resources.<alias>}   its output "name", where it has one, else its resource's id
//   ${generated.<name>}                         a secret, made once per resource
//   ${self.<name>}                              in outputs only: what the provider found out
#pragma once

#include <map>
#include <set>
#include <string>

#include "common/result/result.h"
#include "google/protobuf/struct.pb.h"
#include "qleet/agent/v1/journal.pb.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::agent {

using OutputMap = google::protobuf::Map<std::string, v1::Output>;

struct DependencyInput {
  std::string id;
  const OutputMap* outputs = nullptr;  // never null
};

struct Inputs {
  std::map<std::string, DependencyInput> dependencies;  // by alias
  const google::protobuf::Map<std::string, std::string>* generated = nullptr;
};

struct Rendered {
  google::protobuf::Struct template_;
  std::map<std::string, std::map<std::string, std::string>> dependencies;
  // Keyed (HMAC-SHA256, hex): over provider, template as filled in, and the outputs of dependencies. What it
  // covers is permanent: another way of hashing would look like a change of everything.
  std::string hash;
};

// A scalar output as text.
std::string text_of(const google::protobuf::Value& value);

// Names of the secrets that a template and outputs ask for. kInvalid: a malformed placeholder.
Result<std::set<std::string>> generated_names(const wire::v1::DesiredResource& resource);

// kInvalid names the placeholder and what there would be.
Result<Rendered> render(const wire::v1::DesiredResource& resource, const Inputs& inputs,
                        const std::string& hash_key);

// As far as the inputs allow: for a removal, which must not hang on them. The hash stays empty.
Rendered render_for_removal(const wire::v1::DesiredResource& resource, const Inputs& inputs);

// Outputs with their taint: secret is what draws on a generated secret or on a secret output.
Result<OutputMap> render_outputs(const wire::v1::DesiredResource& resource, const Inputs& inputs,
                                 const std::map<std::string, std::string>& self);

}  // namespace qleet::agent
