#include "hub/controllers/unfinished.h"

#include <array>
#include <utility>

#include "common/log/log.h"
#include "hub/controllers/deployments.h"
#include "hub/store/keys.h"
#include "hub/store/wire_fields.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::hub::controllers {
namespace {

constexpr log::Logger kLog{"controllers"};
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

using Add = std::function<void(const Key&)>;

Result<> look_at_application(const Entry& entry, const Add& add) {
  // Its workloads are nearly all of it, and say nothing of whether it is at rest.
  const auto rest = TRY(with_field(entry.value, v1::Application::kSpecFieldNumber, nullptr));
  const auto app = TRY(parse<v1::Application>(rest, entry.key));
  const bool seen = app.status().observed_generation() == app.metadata().generation();
  if (!seen || app.metadata().has_deletion_timestamp())
    add({Controller::kApplication, app.metadata().name()});
  return {};
}

Result<> look_at_deployment(const Entry& entry, const Add& add) {
  const auto deployment = TRY(parse<v1::Deployment>(entry.value, entry.key));
  if (deployment.status().state() != "Ready" || needs_reconcile(deployment))
    add({Controller::kDeployment, deployment.metadata().name()});
  if (deployment.spec().candidate() != 0) add({Controller::kApplication, deployment.spec().application()});
  return {};
}

}  // namespace

Result<> find_listed(const Reader& reader, const std::function<void(const Key&)>& add) {
  for (const auto& entry : TRY(reader.scan({.prefix = keys::pending("")})))
    add({Controller::kDeployment, std::string(keys::last(entry.key))});
  add({Controller::kUnused, ""});
  return {};
}

Result<bool> UnfinishedSearch::next(const Reader& reader, const std::function<void(const Key&)>& add) {
  constexpr std::array kinds{std::pair("applications", &look_at_application),
                             std::pair("deployments", &look_at_deployment)};
  if (kind_ == kinds.size()) return false;
  const auto& [plural, look] = kinds[kind_];
  const auto page = TRY(reader.scan({keys::object(plural, ""), after_, kPage}));
  for (const auto& entry : page) {
    if (const auto looked = look(entry, add); !looked)
      kLog.error("object left out", {{"error", looked.error().message}});
  }
  if (page.size() < kPage) {
    ++kind_;
    after_.clear();
  } else {
    after_ = page.back().key;
  }
  return true;
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
