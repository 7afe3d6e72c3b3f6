// Text as a tree with line numbers: what decoding reads before it knows which message is meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/model/model.h"
#include "common/result/result.h"

namespace qleet::model {

struct Entry;

struct TextNode {
  enum class Type : unsigned char { kNull, kBool, kNumber, kString, kList, kMap };

  Type type = Type::kNull;
  // A bare word of YAML, of which only the schema can say whether "2" is a number or a text. Its type is
  // kString.
  bool bare = false;
  int line = 0;
  size_t offset = 0;  // of its first character in the text, in bytes
  std::string text;   // of a scalar, as written; of a string, its content
  std::vector<TextNode> items;
  std::vector<Entry> entries;  // in the order as written; may hold a key twice

  const TextNode* find(std::string_view key) const;
};

struct Entry {
  std::string key;
  int line = 0;
  size_t offset = 0;  // of the key
  TextNode value;
};

// What a bare word is where nothing but the word itself can tell (YAML's core schema). Leading zeros make a
// text, not a number.
TextNode::Type type_of_bare(std::string_view word);

// Where in the tree: a chain of steps on the stack, made a text only when there is something to say.
struct Place {
  const Place* parent = nullptr;
  std::string_view name;
  int index = -1;  // in a list, when not negative

  std::string text() const;
};

// "spec" + "a" -> "spec.a"; a name that is no plain word stands in brackets: labels["a.b/c"].
void append_step(std::string& path, std::string_view name);
void append_step(std::string& path, int index);

// All documents of a text, empty ones left out: JSON and YAML, also side by side where `---` stands between
// them. A byte order mark in front is skipped (and counts in offsets). Errors: kTooLarge over a limit;
// kInvalid with the line.
Result<std::vector<TextNode>> read_documents(std::string_view text, const DecodeLimits& limits);

// Where a part of a text begins in it.
struct Start {
  int line = 1;
  size_t offset = 0;
};

// The two languages, for read_documents; `text` is UTF-8 without NUL.
Result<std::vector<TextNode>> read_json(std::string_view text, const DecodeLimits& limits,
                                        const Start& start = {});
Result<std::vector<TextNode>> read_yaml(std::string_view text, const DecodeLimits& limits,
                                        const Start& start = {});

// Whether a document can hold it as a text: UTF-8 without NUL.
bool is_text(std::string_view bytes);

// An error at a line of the text, outside every field.
Error error_at(int line, std::string message, Code code = Code::kInvalid);
Error too_deep(int line, const DecodeLimits& limits);
Error too_many_documents(const DecodeLimits& limits);

}  // namespace qleet::model
