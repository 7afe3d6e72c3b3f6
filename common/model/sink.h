// Where a message is written to: JSON or YAML text. One walk over a message (walk) serves both, so that the
// two cannot differ in what they say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace qleet::model {

class Sink {
 public:
  virtual ~Sink() = default;
  virtual void begin_map(bool empty) = 0;
  virtual void key(std::string_view name) = 0;
  virtual void end_map() = 0;
  virtual void begin_list(bool empty) = 0;
  virtual void end_list() = 0;
  virtual void string(std::string_view text) = 0;
  // A number, true, false or null, as JSON writes it.
  virtual void literal(std::string_view text) = 0;
};

// Canonical proto3 JSON's structure: fields in schema order that are set, map entries sorted by key.
void walk(const google::protobuf::Message& message, Sink& sink);

class JsonSink final : public Sink {
 public:
  explicit JsonSink(bool pretty) : pretty_(pretty) {}

  void begin_map(bool empty) override;
  void key(std::string_view name) override;
  void end_map() override;
  void begin_list(bool empty) override;
  void end_list() override;
  void string(std::string_view text) override;
  void literal(std::string_view text) override;

  std::string take() { return std::move(out_); }

 private:
  void open(char bracket);
  void close(char bracket);
  void before_value();
  void separate();

  const bool pretty_;
  std::string out_;
  std::vector<bool> in_list_;
  bool first_ = true;
};

class YamlSink final : public Sink {
 public:
  void begin_map(bool empty) override;
  void key(std::string_view name) override;
  void end_map() override;
  void begin_list(bool empty) override;
  void end_list() override;
  void string(std::string_view text) override;
  void literal(std::string_view text) override;

  std::string take();

 private:
  enum class Place { kStart, kAfterKey, kAfterDash };

  void open(bool list, bool empty, std::string_view empty_form);
  void before_value();
  void inline_value(std::string_view text);
  void new_line();

  std::string out_;
  std::vector<bool> in_list_;  // of each open map or list that is not empty
  std::vector<bool> opened_;   // whether each begin was of one that is not empty
  Place place_ = Place::kStart;
};

class StructSink final : public Sink {
 public:
  void begin_map(bool empty) override;
  void key(std::string_view name) override;
  void end_map() override;
  void begin_list(bool empty) override;
  void end_list() override;
  void string(std::string_view text) override;
  void literal(std::string_view text) override;

  google::protobuf::Struct take() { return std::move(*root_.mutable_struct_value()); }

 private:
  google::protobuf::Value& slot();

  google::protobuf::Value root_;
  std::vector<google::protobuf::Value*> open_;  // maps and lists; they do not move while they are open
  std::string key_;
};

}  // namespace qleet::model
