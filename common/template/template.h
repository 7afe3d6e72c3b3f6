// Placeholders: "${resources.db.host}", "${params.size}", "$${literal}" for a plain "${literal}" (as in
// Score).
//
// Used twice: the hub fills in what it knows (params, variables) and checks the rest; the agent fills in
// outputs, generated secrets and ${self.*}. What a pass leaves for the next one is what its lookup left or
// gave as a template: text that somebody wrote is text, wherever it ends up and whatever it ends up beside.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/result/result.h"
#include "google/protobuf/struct.pb.h"

namespace qleet::templates {

// A reference as written: {"resources","db","host"}; a dot inside a name is written "\.". At least one
// segment; limits: 8 segments, 64 placeholders in one string.
using Path = std::vector<std::string>;

// Every placeholder in `text`, in order. kInvalid for an unclosed or empty one.
Result<std::vector<Path>> references(std::string_view text);
// The same over all strings (keys are not expanded) of a value, each once, sorted.
Result<std::vector<Path>> references(const google::protobuf::Value& value);
Result<std::vector<Path>> references(const google::protobuf::Struct& value);

// Value of a path: a value replaces it, nullopt leaves the placeholder as it stands (for a later pass), an
// error stops. Before the last pass a value is a template in its turn, whose placeholders the later pass
// fills in: give what is plain text as escape() makes it.
using Lookup = std::function<Result<std::optional<google::protobuf::Value>>(const Path&)>;

// A string that is one placeholder and nothing else takes the value's type; inside a longer string the
// value's text is put in (numbers without a fraction as integers; structs and lists are an error). With
// `last_pass`, "$${" becomes "${"; otherwise it stays escaped, and what stands side by side never becomes a
// placeholder that neither was ("$" before "{x}"). kInvalid where a "$" comes to stand right before a
// placeholder that stays: that cannot be written.
Result<google::protobuf::Value> expand(const google::protobuf::Value& value, const Lookup& lookup,
                                       bool last_pass);
Result<google::protobuf::Struct> expand(const google::protobuf::Struct& value, const Lookup& lookup,
                                        bool last_pass);

// Text that expands (last pass) to `text` itself: for strings in which placeholders have no meaning.
std::string escape(std::string_view text);
// The same of every string in it.
google::protobuf::Value escape(const google::protobuf::Value& value);

// As it is written: "${resources.db.host}".
std::string to_text(const Path& path);

// Same meaning, same bytes: keys sorted, numbers normalised. For hashing.
std::string canonical(const google::protobuf::Struct& value);

}  // namespace qleet::templates
