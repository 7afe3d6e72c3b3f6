#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "common/model/tree.h"

namespace qleet::model {
namespace {

// Thrown through yaml-cpp's parser, which knows no other way to be stopped; caught in read_yaml.
struct Refused {
  Error error;
};

// Builds trees from yaml-cpp's events, so that depth is bounded before its parser recurses further and
// nothing is ever expanded.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const DecodeLimits& limits, const Start& start) : limits_(limits), start_(start) {}

  std::vector<TextNode> take() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp gives empty documents without end where it meets, say, a comma that opens a document.
    if (mark.pos == last_start_)
      throw Refused{error_at(line_of(mark), "a character that does not belong here")};
    last_start_ = mark.pos;
    root_ = TextNode{};
  }

  void OnDocumentEnd() override {
    if (root_.type == TextNode::Type::kNull) return;
    if (documents_.size() == limits_.max_documents) throw Refused{too_many_documents(limits_)};
    documents_.push_back(std::move(root_));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    check(mark, "", anchor);
    if (wants_key()) throw Refused{error_at(line_of(mark), "a key is missing before \":\"")};
    slot(mark);
    finish_value();
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{error_at(line_of(mark), "YAML aliases (*name) are not taken; write the value out")};
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check(mark, tag, anchor);
    if (value.find('\0') != std::string::npos)
      throw Refused{error_at(line_of(mark), "\\0 is not allowed in a text")};
    if (wants_key()) {
      if (value == "<<" && tag == "?")
        throw Refused{error_at(line_of(mark), "YAML merge keys (<<) are not taken; write the values out")};
      auto& entry = stack_.back().node->entries.emplace_back();
      entry.key = value;
      entry.line = line_of(mark);
      entry.offset = offset_of(mark);
      stack_.back().has_key = true;
      return;
    }
    TextNode& node = slot(mark);
    node.type = TextNode::Type::kString;
    node.bare = tag == "?";
    node.text = value;
    finish_value();
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, TextNode::Type::kList);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, TextNode::Type::kMap);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    TextNode* node;  // stays valid: the vectors that hold open nodes do not grow while these are open
    bool has_key = false;
  };

  int line_of(const YAML::Mark& mark) const { return mark.line + start_.line; }
  size_t offset_of(const YAML::Mark& mark) const { return static_cast<size_t>(mark.pos) + start_.offset; }

  void check(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) const {
    if (anchor != 0)
      throw Refused{error_at(line_of(mark), "YAML anchors (&name) are not taken; write the value out")};
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Refused{
          error_at(line_of(mark), fmt::format("YAML tags ({}) are not taken; put a text in quotes", tag))};
  }

  bool wants_key() const {
    return !stack_.empty() && stack_.back().node->type == TextNode::Type::kMap && !stack_.back().has_key;
  }

  // Where the value that starts at `mark` goes.
  TextNode& slot(const YAML::Mark& mark) {
    TextNode* node = &root_;
    if (!stack_.empty()) {
      TextNode& parent = *stack_.back().node;
      node =
          parent.type == TextNode::Type::kList ? &parent.items.emplace_back() : &parent.entries.back().value;
    }
    node->line = line_of(mark);
    node->offset = offset_of(mark);
    return *node;
  }

  void finish_value() {
    if (!stack_.empty()) stack_.back().has_key = false;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, TextNode::Type type) {
    check(mark, tag, anchor);
    if (wants_key()) throw Refused{error_at(line_of(mark), "a key must be a word, not a list or an object")};
    if (stack_.size() >= limits_.max_depth) throw Refused{too_deep(line_of(mark), limits_)};
    TextNode& node = slot(mark);
    node.type = type;
    stack_.push_back({&node});
  }

  void close() {
    stack_.pop_back();
    finish_value();
  }

  const DecodeLimits& limits_;
  const Start start_;
  std::vector<TextNode> documents_;
  TextNode root_;
  std::vector<Open> stack_;
  int last_start_ = -1;  // where the last document began
};

// yaml-cpp's scanner reads a whole line of opening brackets into memory before its parser sees the first one.
// Those inside texts are counted too, so the bound is far above any depth.
Result<> check_brackets(std::string_view text, const DecodeLimits& limits, int line) {
  constexpr unsigned kMostOpen = 4096;
  unsigned open = 0;
  for (const char c : text) {
    if (c == '[' || c == '{') {
      if (++open > kMostOpen) return std::unexpected(too_deep(line, limits));
    } else if (c == ']' || c == '}') {
      if (open > 0) --open;
    } else if (c == '\n') {
      ++line;
      open = 0;
    }
  }
  return {};
}

// yaml-cpp takes the end of the input for a closing quote where it follows a line's end: end in a comment
// instead.
std::string closed(std::string_view text) {
  const auto last = text.find_last_not_of(" \t");
  std::string out(text);
  if (last != std::string_view::npos && text[last] == '\n') out += last + 1 == text.size() ? "#" : "\n#";
  return out;
}

bool starts_with_tab(std::string_view text, int line) {
  for (int i = 1; i < line; ++i) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
  }
  const auto first = text.find_first_not_of(' ');
  return first != std::string_view::npos && text[first] == '\t';
}

std::string friendly(const std::string& message) {
  using namespace YAML::ErrorMsg;  // NOLINT: nothing but constants
  const auto is = [&](const char* known) { return message == known; };
  if (is(TAB_IN_INDENTATION)) return "a tab in the indentation; YAML is indented with spaces";
  if (is(MAP_VALUE) || is(MAP_KEY))
    return "a \":\" that does not belong here; is the indentation right, or is a text with \": \" not in "
           "quotes?";
  if (is(END_OF_MAP)) return "this line belongs to no key; is the indentation right, or is \":\" missing?";
  if (is(END_OF_SEQ) || is(BLOCK_ENTRY)) return "a list that does not belong here; is the indentation right?";
  if (is(END_OF_MAP_FLOW)) return "a { that is not closed, or a comma that is missing";
  if (is(END_OF_SEQ_FLOW)) return "a [ that is not closed, or a comma that is missing";
  if (is(EOF_IN_SCALAR)) return "a text in quotes that is not closed";
  if (is(UNKNOWN_TOKEN)) return "a character that YAML does not take here; put the text in quotes";
  return "not YAML: " + message;
}

}  // namespace

Result<std::vector<TextNode>> read_yaml(std::string_view text, const DecodeLimits& limits,
                                        const Start& start) {
  if (auto checked = check_brackets(text, limits, start.line); !checked)
    return std::unexpected(std::move(checked).error());
  TreeBuilder builder(limits, start);
  try {
    std::istringstream stream(closed(text));
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (Refused& refused) {
    return std::unexpected(std::move(refused.error));
  } catch (const YAML::ParserException& error) {
    const int line = error.mark.line + 1;
    return std::unexpected(error_at(line + start.line - 1, starts_with_tab(text, line)
                                                               ? friendly(YAML::ErrorMsg::TAB_IN_INDENTATION)
                                                               : friendly(error.msg)));
  }
  return builder.take();
}

}  // namespace qleet::model
