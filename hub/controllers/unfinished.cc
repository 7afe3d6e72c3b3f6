#include "hub/controllers/unfinished.h"

#include "hub/controllers/deployments.h"
#include "hub/store/keys.h"
#include "hub/store/wire_fields.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {
namespace {

constexpr size_t kPage = 500;

template <class Each>
Result<> for_each(const Reader& reader, std::string_view plural, Each each) {
  Range range{keys::object(plural, ""), "", kPage};
  for (;;) {
    const auto page = TRY(reader.scan(range));
    for (const auto& entry : page) TRY(each(entry));
    if (page.size() < kPage) return {};
    range.after = page.back().key;
  }
}

template <class Object>
Result<Object> parse(const std::string& bytes, const std::string& key) {
  Object object;
  if (!object.ParseFromString(bytes))
    return fail(Code::kInternal, key + ": the stored object cannot be read");
  return object;
}

}  // namespace

Result<> find_unfinished(const Reader& reader, const std::function<void(const Key&)>& add) {
  TRY(for_each(reader, "applications", [&](const Entry& entry) -> Result<> {
    // Its workloads are nearly all of it, and say nothing of whether it is at rest.
    const auto rest = TRY(with_field(entry.value, v1::Application::kSpecFieldNumber, nullptr));
    const auto app = TRY(parse<v1::Application>(rest, entry.key));
    const bool seen = app.status().observed_generation() == app.metadata().generation();
    if (!seen || app.metadata().has_deletion_timestamp())
      add({Controller::kApplication, app.metadata().name()});
    return {};
  }));
  TRY(for_each(reader, "deployments", [&](const Entry& entry) -> Result<> {
    const auto deployment = TRY(parse<v1::Deployment>(entry.value, entry.key));
    if (deployment.status().state() != "Ready" || needs_reconcile(deployment))
      add({Controller::kDeployment, deployment.metadata().name()});
    if (deployment.spec().candidate() != 0) add({Controller::kApplication, deployment.spec().application()});
    return {};
  }));
  for (const auto& entry : TRY(reader.scan({.prefix = keys::pending("")})))
    add({Controller::kDeployment, std::string(keys::last(entry.key))});
  add({Controller::kUnused, ""});
  return {};
}

Result<> find_everything(const Reader& reader, const std::function<void(const Key&)>& add) {
  for (const auto& [plural, controller] :
       {std::pair("environments", Controller::kEnvironment), std::pair("agents", Controller::kAgent),
        std::pair("applications", Controller::kApplication),
        std::pair("deployments", Controller::kDeployment)}) {
    TRY(for_each(reader, plural, [&](const Entry& entry) -> Result<> {
      add({controller, std::string(keys::last(entry.key))});
      return {};
    }));
  }
  add({Controller::kUnused, ""});
  return {};
}

}  // namespace qleet::hub::controllers
