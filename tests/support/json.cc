#include "tests/support/json.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <cstdlib>

namespace qleet::test {

using google::protobuf::Value;

Json Json::parse(std::string_view text) {
  auto value = std::make_shared<Value>();
  if (!google::protobuf::util::JsonStringToMessage(std::string(text), value.get()).ok()) return {};
  return Json(std::move(value));
}

Json Json::field(const std::string& name) const {
  if (!value_ || !value_->has_struct_value()) return {};
  const auto& fields = value_->struct_value().fields();
  const auto found = fields.find(name);
  return found == fields.end() ? Json() : Json({value_, &found->second});
}

Json Json::operator[](std::string_view path) const {
  Json at = *this;
  while (!path.empty()) {
    const auto dot = path.find('.');
    at = at.field(std::string(path.substr(0, dot)));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return at;
}

std::vector<Json> Json::items() const {
  std::vector<Json> out;
  if (!value_ || !value_->has_list_value()) return out;
  for (const auto& item : value_->list_value().values()) out.push_back(Json({value_, &item}));
  return out;
}

std::vector<std::string> Json::names() const {
  std::vector<std::string> out;
  if (!value_ || !value_->has_struct_value()) return out;
  for (const auto& [name, _] : value_->struct_value().fields()) out.push_back(name);
  return out;
}

bool Json::null() const { return !value_ || value_->has_null_value(); }

std::string Json::str() const {
  if (!value_) return {};
  if (value_->has_string_value()) return value_->string_value();
  if (value_->has_bool_value()) return value_->bool_value() ? "true" : "false";
  if (!value_->has_number_value()) return {};
  const double number = value_->number_value();
  return std::floor(number) == number ? std::to_string(static_cast<long>(number)) : std::to_string(number);
}

long Json::number() const { return std::atol(str().c_str()); }

Json Json::where(std::string_view path, std::string_view value) const {
  for (const auto& item : items())
    if (item[path].str() == value) return item;
  return {};
}

std::string Json::dump() const {
  std::string out;
  if (value_) (void)google::protobuf::util::MessageToJsonString(*value_, &out);
  return out.empty() ? "null" : out;
}

}  // namespace qleet::test
