#include "common/json/text.h"
#include "common/model/sink.h"

namespace qleet::model {

void JsonSink::separate() {
  if (!first_) out_ += ',';
  first_ = false;
  if (pretty_ && !in_list_.empty()) {
    out_ += '\n';
    out_.append(2 * in_list_.size(), ' ');
  }
}

void JsonSink::before_value() {
  if (!in_list_.empty() && in_list_.back()) separate();
}

void JsonSink::open(char bracket) {
  before_value();
  out_ += bracket;
  in_list_.push_back(bracket == '[');
  first_ = true;
}

void JsonSink::close(char bracket) {
  in_list_.pop_back();
  if (pretty_ && !first_) {
    out_ += '\n';
    out_.append(2 * in_list_.size(), ' ');
  }
  out_ += bracket;
  first_ = false;
}

void JsonSink::begin_map(bool) { open('{'); }
void JsonSink::end_map() { close('}'); }
void JsonSink::begin_list(bool) { open('['); }
void JsonSink::end_list() { close(']'); }

void JsonSink::key(std::string_view name) {
  separate();
  json::append_quoted(out_, name);
  out_ += pretty_ ? ": " : ":";
}

void JsonSink::string(std::string_view text) {
  before_value();
  json::append_quoted(out_, text);
}

void JsonSink::literal(std::string_view text) {
  before_value();
  out_ += text;
}

}  // namespace qleet::model
