// Messages as JSON Schemas, for openapi.cc.
#pragma once

#include <set>
#include <string>

#include "common/model/sink.h"
#include "google/protobuf/descriptor.h"

namespace qleet::model {

// The messages that `type` is made of, itself included, under their names; those with a JSON form of their
// own (Timestamp, Struct, ...) left out.
void collect_messages(const google::protobuf::Descriptor& type,
                      std::set<const google::protobuf::Descriptor*>& found);

// {"$ref": "#/components/schemas/<name>"}, or the schema itself of a type with a JSON form of its own.
void write_reference(const google::protobuf::Descriptor& type, Sink& sink);

// The schema of a message: closed, since unknown fields are refused. API objects have apiVersion and kind
// fixed.
void write_schema(const google::protobuf::Descriptor& type, Sink& sink);

}  // namespace qleet::model
