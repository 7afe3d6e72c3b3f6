#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "common/model/model.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/environment.pb.h"
#include "qleet/v1/profile.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::model {
namespace {

constexpr bool kByPeople = true;
constexpr bool kByHub = false;
constexpr int kMetadataNumber = 3;  // the same in every kind

template <class T>
Kind make(std::string_view plural, std::string_view short_name, bool user_writable) {
  return {T::descriptor()->name(), plural, short_name, user_writable, &T::default_instance()};
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

const google::protobuf::FieldDescriptor& meta_field(const google::protobuf::Message& object) {
  const auto* field = object.GetDescriptor()->FindFieldByNumber(kMetadataNumber);
  if (field == nullptr || field->message_type() != qleet::v1::ObjectMeta::descriptor())
    throw std::logic_error(object.GetDescriptor()->full_name() + " is not an API object");
  return *field;
}

}  // namespace

const std::vector<Kind>& kinds() {
  using namespace qleet::v1;  // NOLINT: the list below is nothing but its names
  static const std::vector<Kind> all = {
      make<Application>("applications", "app", kByPeople),
      make<Environment>("environments", "env", kByPeople),
      make<Profile>("profiles", "prof", kByPeople),
      make<Region>("regions", "reg", kByPeople),
      make<Agent>("agents", "ag", kByHub),
      make<Build>("builds", "bld", kByHub),
      make<Release>("releases", "rel", kByHub),
      make<Deployment>("deployments", "dep", kByHub),
      make<Resource>("resources", "res", kByHub),
      make<Secret>("secrets", "sec", kByPeople),
      make<ServiceAccount>("serviceaccounts", "sa", kByPeople),
      make<Role>("roles", "ro", kByPeople),
      make<RoleBinding>("rolebindings", "rb", kByPeople),
      make<Event>("events", "ev", kByHub),
      make<AuditRecord>("auditrecords", "audit", kByHub),
  };
  return all;
}

const Kind* find_kind(std::string_view word) {
  for (const auto& kind : kinds()) {
    const bool short_plural =
        word.ends_with('s') && same_word(word.substr(0, word.size() - 1), kind.short_name);
    if (same_word(word, kind.name) || same_word(word, kind.plural) || same_word(word, kind.short_name) ||
        short_plural)
      return &kind;
  }
  return nullptr;
}

const Kind& kind_of(const google::protobuf::Message& object) {
  for (const auto& kind : kinds()) {
    if (kind.prototype->GetDescriptor() == object.GetDescriptor()) return kind;
  }
  throw std::logic_error(object.GetDescriptor()->full_name() + " is not an API object");
}

qleet::v1::ObjectMeta& meta(google::protobuf::Message& object) {
  return static_cast<qleet::v1::ObjectMeta&>(
      *object.GetReflection()->MutableMessage(&object, &meta_field(object)));
}

const qleet::v1::ObjectMeta& meta(const google::protobuf::Message& object) {
  return static_cast<const qleet::v1::ObjectMeta&>(
      object.GetReflection()->GetMessage(object, &meta_field(object)));
}

}  // namespace qleet::model
