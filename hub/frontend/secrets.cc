// Changing a Secret by its keys.
#include <fmt/format.h>

#include "hub/frontend/operation.h"
#include "hub/frontend/secret_checks.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::frontend {
namespace {

constexpr int kTries = 8;

// What was given, under the rules for a whole object. Values never stand in the error.
Result<> check(const std::string& name, const v1::SecretPatch& patch) {
  v1::Secret probe;
  probe.set_api_version(std::string(model::kApiVersion));
  probe.set_kind("Secret");
  probe.mutable_metadata()->set_name(name);
  auto& spec = *probe.mutable_spec();
  *spec.mutable_data() = patch.data();
  spec.set_id(patch.id());
  spec.set_environment(patch.environment());
  *spec.mutable_applications() = patch.applications();
  auto errors = model::validate(probe);
  for (int i = 0; i < patch.remove_size(); ++i)
    if (patch.data().contains(patch.remove(i)))
      errors.push_back({fmt::format("remove[{}]", i), fmt::format("\"{}\" is set as well", patch.remove(i))});
  if (patch.every_application() && !patch.applications().empty())
    errors.push_back({"everyApplication", "applications are named as well"});
  if (errors.empty()) return {};
  for (auto& error : errors)
    if (error.field.starts_with("spec.")) error.field.erase(0, 5);
  Error error{Code::kInvalid, fmt::format("{}: {}", errors.front().field, errors.front().message), {}};
  error.fields = std::move(errors);
  return std::unexpected(std::move(error));
}

Result<> merge(v1::Secret& secret, const v1::SecretPatch& patch, bool exists) {
  auto& spec = *secret.mutable_spec();
  for (const auto& key : patch.remove()) {
    if (spec.mutable_data()->erase(key) > 0 || !exists) continue;
    std::vector<std::string> known;
    for (const auto& [name, value] : spec.data()) known.push_back(name);
    const auto near = model::nearest(key, known);
    return fail(Code::kNotFound,
                fmt::format("secret {} has no key \"{}\"{}", secret.metadata().name(), key,
                            near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near)));
  }
  for (const auto& [key, value] : patch.data()) (*spec.mutable_data())[key] = value;
  if (patch.has_id()) spec.set_id(patch.id());
  if (patch.has_environment()) spec.set_environment(patch.environment());
  if (!patch.applications().empty()) *spec.mutable_applications() = patch.applications();
  if (patch.every_application()) spec.clear_applications();
  return {};
}

Result<> refuse_used(const Reader& reader, const std::string& name, const v1::SecretPatch& patch) {
  if (patch.remove().empty()) return {};
  const auto users = TRY(users_of_keys(reader, name, {patch.remove().begin(), patch.remove().end()}, false));
  if (users.empty()) return {};
  return fail(
      Code::kConflict,
      fmt::format("secret {}: what is to be taken out is used by {}; with --force it goes all the same: they "
                  "keep what they have, and take no change until the key is there again",
                  name, list_some(users)));
}

}  // namespace

Result<v1::ApplyResult> patch_secret(const Context& context, const Caller& caller, std::string_view name,
                                     const v1::SecretPatch& patch, const PatchOptions& options) {
  const std::string key(name);
  TRY(check(key, patch));
  // Written only where it is still what it was read as; else again, with what somebody else has written.
  for (int tries = 1;; ++tries) {
    const auto reader = TRY(context.store.snapshot());
    const auto known = TRY(objects::get<v1::Secret>(*reader, key));
    if (!known && patch.data().empty())
      return std::unexpected(no_such(*reader, model::kind_of(v1::Secret::default_instance()), key));
    if (options.if_match && (!known || known->metadata().resource_version() != *options.if_match))
      return fail(Code::kConflict, fmt::format("secret {} has changed: read it again", key));
    // A token for some applications neither takes others' Secrets nor gives its own to others.
    if (known) TRY(require_reach(caller, *known));
    v1::Secret secret = known.value_or(v1::Secret());
    secret.mutable_metadata()->set_name(key);
    TRY(merge(secret, patch, known.has_value()));
    TRY(require_reach(caller, secret));
    if (!options.force) TRY(refuse_used(*reader, key, patch));
    std::vector<model::Object> objects;
    objects.emplace_back(new v1::Secret(std::move(secret)));
    ApplyOptions apply_options{.dry_run = options.dry_run};
    if (known)
      apply_options.if_match = known->metadata().resource_version();
    else
      apply_options.expect = Expect::kCreate;
    auto result = apply(context, caller, objects, apply_options);
    const bool overtaken =
        !result && (result.error().code == Code::kConflict || result.error().code == Code::kExists);
    if (!overtaken || options.if_match || tries == kTries) return result;
  }
}

}  // namespace qleet::hub::frontend
