#include "hub/api/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hub/access/reach.h"
#include "hub/store/keys.h"
#include "qleet/v1/access.pb.h"

namespace qleet::hub::api {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct Field {
  std::string_view name;
  std::string Filter::* value;
};

constexpr std::array<Field, 3> kFields = {{{"application", &Filter::application},
                                           {"environment", &Filter::environment},
                                           {"region", &Filter::region}}};

// Where a kind keeps the field: spec.<name>, or its own name for the kind of that name; null: nowhere.
const FieldDescriptor* spec_field(const model::Kind& kind, std::string_view name) {
  const FieldDescriptor* spec = kind.prototype->GetDescriptor()->FindFieldByName("spec");
  if (spec == nullptr) return nullptr;
  const FieldDescriptor* field = spec->message_type()->FindFieldByName(std::string(name));
  return field != nullptr && field->type() == FieldDescriptor::TYPE_STRING && !field->is_repeated() ? field
                                                                                                    : nullptr;
}

// Applications name their environments in a list.
const FieldDescriptor* spec_list(const model::Kind& kind, std::string_view name) {
  const FieldDescriptor* spec = kind.prototype->GetDescriptor()->FindFieldByName("spec");
  const FieldDescriptor* field =
      spec == nullptr ? nullptr : spec->message_type()->FindFieldByName(std::string(name) + "s");
  return field != nullptr && field->type() == FieldDescriptor::TYPE_STRING && field->is_repeated() ? field
                                                                                                   : nullptr;
}

bool is_itself(const model::Kind& kind, std::string_view name) {
  return kind.plural.size() == name.size() + 1 && kind.plural.starts_with(name);
}

bool is_event(const model::Kind& kind) { return kind.name == "Event"; }

// Whose an event is, by the name of what it is about: part of that name, or all of it.
bool regards(const v1::EventSpec& event, std::string_view field, const std::string& wanted) {
  const model::Kind* about = model::find_kind(event.regarding_kind());
  if (about == nullptr) return false;
  if (is_itself(*about, field)) return event.regarding_name() == wanted;
  if (field == "application") return access::application_in(about->plural, event.regarding_name()) == wanted;
  return access::place_in(about->plural, event.regarding_name(), field) == wanted;
}

bool field_matches(const Message& object, const model::Kind& kind, std::string_view name,
                   const std::string& wanted) {
  if (wanted.empty()) return true;
  if (const auto* event = dynamic_cast<const v1::Event*>(&object))
    return regards(event->spec(), name, wanted);
  if (is_itself(kind, name)) return model::meta(object).name() == wanted;
  const auto* spec = object.GetDescriptor()->FindFieldByName("spec");
  const Message& holder = object.GetReflection()->GetMessage(object, spec);
  const auto* reflection = holder.GetReflection();
  if (const auto* field = spec_field(kind, name)) return reflection->GetString(holder, field) == wanted;
  if (const auto* field = spec_list(kind, name)) {
    const int count = reflection->FieldSize(holder, field);
    // An application that names no environment is in the one named "default".
    if (count == 0) return wanted == "default";
    for (int i = 0; i < count; ++i)
      if (reflection->GetRepeatedString(holder, field, i) == wanted) return true;
  }
  return false;
}

}  // namespace

bool Filter::matches(const Message& object) const {
  const model::Kind& kind = model::kind_of(object);
  for (const Field& field : kFields)
    if (!field_matches(object, kind, field.name, this->*field.value)) return false;
  if (!reaches(object)) return false;
  return selector.empty() || model::matches(selector, model::meta(object).labels());
}

bool Filter::reaches(const Message& object) const { return only.empty() || access::within(object, only); }

void Filter::narrow(Message& object) const {
  if (!only.empty()) access::narrow(object, only);
}

std::string Filter::key_prefix(const model::Kind& kind) const {
  std::string all = keys::below("o", kind.plural);
  if (kind.plural == "resources" && !region.empty()) {
    // "<region>.<environment or ->.<application or ->.<type>.<id>"
    if (environment.empty()) return fmt::format("{}{}.", all, region);
    if (application.empty()) return fmt::format("{}{}.{}.", all, region, environment);
    return fmt::format("{}{}.{}.{}.", all, region, environment, application);
  }
  if ((kind.plural == "releases" || kind.plural == "deployments") && !application.empty())
    return fmt::format("{}{}.", all, application);
  return all;
}

Result<Filter> read_filter(const Request& request, const model::Kind& kind) {
  Filter filter;
  filter.selector = request.parameter("labelSelector");
  if (auto checked = model::check_selector(filter.selector); !checked) {
    Error error = wrap(std::move(checked).error(), "query parameter labelSelector");
    error.fields.push_back({.field = "labelSelector", .message = error.message});
    return std::unexpected(std::move(error));
  }
  for (const Field& field : kFields) {
    const std::string value(request.parameter(field.name));
    if (value.empty()) continue;
    if (!is_event(kind) && !is_itself(kind, field.name) && spec_field(kind, field.name) == nullptr &&
        spec_list(kind, field.name) == nullptr)
      return fail(Code::kInvalid,
                  fmt::format("query parameter {}: {} have no {}", field.name, kind.plural, field.name));
    filter.*field.value = value;
  }
  return filter;
}

}  // namespace qleet::hub::api
