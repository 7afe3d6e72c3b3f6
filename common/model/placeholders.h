// Placeholders inside values, each with the place where it stands.
#pragma once

#include <functional>

#include "common/model/checks.h"
#include "common/template/template.h"
#include "google/protobuf/struct.pb.h"

namespace qleet::model {

// What is wrong with a placeholder; empty: nothing. The answer starts with the placeholder as it is written.
using PlaceholderRule = std::function<std::string(const templates::Path&)>;

// Applies `rule` to every placeholder; malformed ones are errors of their own.
void check_placeholders(std::string_view text, const Place& place, const PlaceholderRule& rule,
                        Checks& checks);
void check_placeholders(const google::protobuf::Value& value, const Place& place, const PlaceholderRule& rule,
                        Checks& checks);
void check_placeholders(const google::protobuf::Struct& value, const Place& place,
                        const PlaceholderRule& rule, Checks& checks);

// The same of what stands in a Score document, by Score's rules of what is a placeholder ("$$" is a "$").
void check_score_text(std::string_view text, const Place& place, const PlaceholderRule& rule, Checks& checks);
void check_score_params(const google::protobuf::Struct& params, const Place& place,
                        const PlaceholderRule& rule, Checks& checks);

}  // namespace qleet::model
