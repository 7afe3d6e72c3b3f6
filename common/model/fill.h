// From a tree to a message, by reflection.
#pragma once

#include <string>
#include <vector>

#include "common/model/tree.h"
#include "google/protobuf/message.h"

namespace qleet::model {

class Filler {
 public:
  // `errors` must outlive this object; it gets every wrong place, up to a limit.
  explicit Filler(std::vector<FieldError>& errors) : errors_(errors) {}

  // Sets what `node` holds; `place` is where the node stands.
  void fill(const TextNode& node, google::protobuf::Message& message, const Place& place);

 private:
  using Field = google::protobuf::FieldDescriptor;
  using Message = google::protobuf::Message;

  void wrong(const Place& place, int line, std::string message);
  void unknown_field(const Entry& entry, const google::protobuf::Descriptor& type, const Place& place);
  void set(const TextNode& node, Message& message, const Field& field, const Place& place);
  void set_map(const TextNode& node, Message& message, const Field& field, const Place& place);
  void set_list(const TextNode& node, Message& message, const Field& field, const Place& place);
  void set_by_target(const TextNode& node, Message& message, const Field& field, const Place& place);
  void set_one(const TextNode& node, Message& message, const Field& field, const Place& place);
  void fill_fields(const TextNode& node, Message& message, const Place& place);
  void fill_struct(const TextNode& node, Message& message, const Place& place);
  void fill_value(const TextNode& node, Message& message, const Place& place);
  bool as_string(const TextNode& node, std::string& out, const Place& place);
  bool as_bool(const TextNode& node, bool& out, const Place& place);
  template <class T>
  bool as_integer(const TextNode& node, T& out, const Place& place);
  bool is_map(const TextNode& node, const Place& place);

  std::vector<FieldError>& errors_;
  bool ignore_unknown_ = false;  // inside a top-level status, which a newer hub may have printed
};

}  // namespace qleet::model
