#include "hub/controllers/digest.h"

#include <map>

#include "common/crypto/token.h"
#include "common/template/template.h"

namespace qleet::hub::controllers {

std::string content_hash(const v1::ResourceSpec& spec, const std::map<std::string, std::string>& drawn) {
  std::string text;
  // Lengths in front, so that no two contents read the same.
  const auto add = [&](std::string_view part) {
    text += std::to_string(part.size());
    text += ':';
    text += part;
  };
  add(spec.provider());
  add(templates::canonical(spec.template_()));
  add(templates::canonical(spec.outputs()));
  const std::map<std::string, std::string> sorted(spec.dependencies().begin(), spec.dependencies().end());
  for (const auto& [alias, resource] : sorted) {
    add(alias);
    add(resource);
  }
  // Only where there are any: a hash of before stays what it is.
  if (spec.has_secret()) {
    add("secret");
    add(spec.secret().name());
    add(std::to_string(spec.secret().version()));
  }
  for (const auto& [alias, content] : drawn) {
    add("drawn");
    add(alias);
    add(content);
  }
  return crypto::sha256_hex(text);
}

}  // namespace qleet::hub::controllers
