#include "agent/engine/render.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/model/reasons.h"
#include "common/template/template.h"

namespace qleet::agent {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;
using templates::Path;

std::unexpected<Error> unknown(const Path& path, std::string why) {
  return fail(Code::kInvalid, reasons::kInvalidTemplate,
              fmt::format("${{{}}}: {}", fmt::join(path, "."), why));
}

Value string_value(std::string text) {
  Value value;
  value.set_string_value(std::move(text));
  return value;
}

template <class Map>
std::string names_of(const Map& map) {
  std::set<std::string> names;
  for (const auto& [name, ignored] : map) names.insert(name);
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

// What a placeholder means, and whether it must stay here.
struct Found {
  Value value;
  bool secret = false;
};

Result<Found> find_dependency_output(const Path& path, const Inputs& inputs) {
  if (path.size() < 2 || path.size() > 3) return unknown(path, "write ${" + path[0] + ".<alias>.<output>}");
  const auto dependency = inputs.dependencies.find(path[1]);
  if (dependency == inputs.dependencies.end())
    return unknown(path, fmt::format("there is no dependency \"{}\"; there is: {}", path[1],
                                     names_of(inputs.dependencies)));
  const OutputMap& outputs = *dependency->second.outputs;
  const auto output = outputs.find(path.size() == 3 ? path[2] : "name");
  if (output != outputs.end()) return Found{output->second.value(), output->second.secret()};
  if (path.size() == 2) return Found{string_value(dependency->second.id)};
  return unknown(path, fmt::format("dependency \"{}\" has no output \"{}\"; it has: {}", path[1], path[2],
                                   names_of(outputs)));
}

// nullopt for ${self.*} where `self` is null: it is for a later pass.
Result<std::optional<Found>> find(const Path& path, const Inputs& inputs,
                                  const std::map<std::string, std::string>* self) {
  if (path[0] == "requires" || path[0] == "resources") return TRY(find_dependency_output(path, inputs));
  if (path[0] == "generated") {
    if (path.size() != 2) return unknown(path, "write ${generated.<name>}");
    const auto secret = inputs.generated->find(path[1]);
    if (secret == inputs.generated->end()) return unknown(path, "was not generated");
    return Found{string_value(secret->second), true};
  }
  if (path[0] == "self") {
    if (!self) return std::nullopt;
    const auto known = path.size() == 2 ? self->find(path[1]) : self->end();
    if (known == self->end())
      return unknown(path, "the provider does not tell it; it tells: " + names_of(*self));
    return Found{string_value(known->second)};
  }
  return unknown(path, "nothing of this kind is known here; there is: requires, resources, generated, self");
}

void add_field(std::string& out, std::string_view text) {
  out += fmt::format("{}:", text.size());
  out += text;
}

std::string keyed_hash(const std::string& key, const std::string& data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(data.data()), data.size(), digest, &length);
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::map<std::string, std::map<std::string, std::string>> texts(const Inputs& inputs) {
  std::map<std::string, std::map<std::string, std::string>> all;
  for (const auto& [alias, dependency] : inputs.dependencies) {
    auto& of_alias = all[alias];
    for (const auto& [name, output] : *dependency.outputs) of_alias[name] = text_of(output.value());
  }
  return all;
}

}  // namespace

std::string text_of(const Value& value) {
  switch (value.kind_case()) {
    case Value::kStringValue:
      return value.string_value();
    case Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case Value::kNumberValue:
      return fmt::format("{}", value.number_value());
    default:
      return "";
  }
}

Result<std::set<std::string>> generated_names(const wire::v1::DesiredResource& resource) {
  std::set<std::string> names;
  for (const Struct* part : {&resource.template_(), &resource.outputs()}) {
    auto references = templates::references(*part);
    if (!references) return std::unexpected(std::move(references).error());
    for (const Path& path : *references)
      if (path[0] == "generated" && path.size() == 2) names.insert(path[1]);
  }
  return names;
}

Result<Rendered> render(const wire::v1::DesiredResource& resource, const Inputs& inputs,
                        const std::string& hash_key) {
  const auto lookup = [&](const Path& path) -> Result<std::optional<Value>> {
    auto found = TRY(find(path, inputs, nullptr));
    if (!found) return std::nullopt;
    return std::move(found->value);
  };
  Rendered out;
  out.template_ = TRY(templates::expand(resource.template_(), lookup, true));
  out.dependencies = texts(inputs);
  std::string data;
  add_field(data, "qleet-resource-1");
  add_field(data, resource.provider());
  add_field(data, templates::canonical(out.template_));
  for (const auto& [alias, outputs] : out.dependencies) {
    add_field(data, alias);
    add_field(data, std::to_string(outputs.size()));
    for (const auto& [name, value] : outputs) {
      add_field(data, name);
      add_field(data, value);
    }
  }
  out.hash = keyed_hash(hash_key, data);
  return out;
}

Rendered render_for_removal(const wire::v1::DesiredResource& resource, const Inputs& inputs) {
  const auto lookup = [&](const Path& path) -> Result<std::optional<Value>> {
    auto found = find(path, inputs, nullptr);
    if (!found || !*found) return std::nullopt;
    return std::move((*found)->value);
  };
  Rendered out;
  auto expanded = templates::expand(resource.template_(), lookup, true);
  out.template_ = expanded ? std::move(*expanded) : resource.template_();
  out.dependencies = texts(inputs);
  return out;
}

Result<OutputMap> render_outputs(const wire::v1::DesiredResource& resource, const Inputs& inputs,
                                 const std::map<std::string, std::string>& self) {
  OutputMap outputs;
  for (const auto& [name, value] : resource.outputs().fields()) {
    bool secret = false;
    const auto lookup = [&](const Path& path) -> Result<std::optional<Value>> {
      auto found = TRY(find(path, inputs, &self));
      secret = secret || found->secret;
      return std::move(found->value);
    };
    auto expanded = templates::expand(value, lookup, true);
    if (!expanded) return std::unexpected(wrap(std::move(expanded).error(), "output " + name));
    if (expanded->has_struct_value() || expanded->has_list_value())
      return fail(Code::kInvalid, reasons::kInvalidTemplate,
                  "output " + name + ": must be a text, a number or a truth value");
    v1::Output& output = outputs[name];
    *output.mutable_value() = std::move(*expanded);
    output.set_secret(secret);
  }
  return outputs;
}

}  // namespace qleet::agent
