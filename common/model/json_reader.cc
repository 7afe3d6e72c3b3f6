#include <fmt/format.h>

#include <cctype>

#include "common/model/tree.h"

namespace qleet::model {
namespace {

class JsonReader {
 public:
  JsonReader(std::string_view text, const DecodeLimits& limits, const Start& start)
      : text_(text), limits_(limits), offset_(start.offset), line_(start.line) {}

  Result<std::vector<TextNode>> read() {
    std::vector<TextNode> documents;
    for (skip_spaces(); at_ < text_.size(); skip_spaces()) {
      if (documents.size() == limits_.max_documents) return std::unexpected(too_many_documents(limits_));
      if (!value(documents.emplace_back(), 0)) return std::unexpected(std::move(error_));
    }
    return documents;
  }

 private:
  bool wrong(std::string message) {
    error_ = error_at(line_, std::move(message));
    return false;
  }

  std::string found() const {
    if (at_ >= text_.size()) return "the end of the text";
    const char c = text_[at_];
    if (static_cast<unsigned char>(c) < 0x20)
      return fmt::format("the character 0x{:02x}", static_cast<unsigned char>(c));
    size_t end = at_ + 1;
    while (end < text_.size() && end < at_ + 20 &&
           (std::isalnum(static_cast<unsigned char>(text_[end])) || (text_[end] & 0x80) != 0))
      ++end;
    return std::string(text_.substr(at_, end - at_));
  }

  void skip_spaces() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '\n') {
        ++line_;
      } else if (c != ' ' && c != '\t' && c != '\r') {
        return;
      }
    }
  }

  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool word(std::string_view expected, TextNode::Type type, TextNode& node) {
    if (!text_.substr(at_).starts_with(expected))
      return wrong(fmt::format("expected a value, found {}", found()));
    at_ += expected.size();
    node.type = type;
    node.text = expected;
    return true;
  }

  bool value(TextNode& node, unsigned depth) {
    skip_spaces();
    node.line = line_;
    node.offset = offset_ + at_;
    if (at_ >= text_.size()) return wrong("expected a value, found the end of the text");
    switch (text_[at_]) {
      case '{':
        return map(node, depth + 1);
      case '[':
        return list(node, depth + 1);
      case '"':
        node.type = TextNode::Type::kString;
        return string(node.text);
      case 't':
        return word("true", TextNode::Type::kBool, node);
      case 'f':
        return word("false", TextNode::Type::kBool, node);
      case 'n':
        return word("null", TextNode::Type::kNull, node);
      default:
        return number(node);
    }
  }

  bool enter(unsigned depth) {
    if (depth <= limits_.max_depth) return true;
    error_ = too_deep(line_, limits_);
    return false;
  }

  bool map(TextNode& node, unsigned depth) {
    if (!enter(depth)) return false;
    node.type = TextNode::Type::kMap;
    ++at_;
    skip_spaces();
    if (take('}')) return true;
    while (true) {
      skip_spaces();
      if (at_ >= text_.size() || text_[at_] != '"')
        return wrong(fmt::format("expected a key in double quotes, found {}", found()));
      auto& entry = node.entries.emplace_back();
      entry.line = line_;
      entry.offset = offset_ + at_;
      if (!string(entry.key)) return false;
      skip_spaces();
      if (!take(':'))
        return wrong(fmt::format("expected : after the key \"{}\", found {}", entry.key, found()));
      if (!value(entry.value, depth)) return false;
      skip_spaces();
      if (take('}')) return true;
      if (!take(','))
        return wrong(fmt::format("expected , or }} after the value of \"{}\", found {}", entry.key, found()));
    }
  }

  bool list(TextNode& node, unsigned depth) {
    if (!enter(depth)) return false;
    node.type = TextNode::Type::kList;
    ++at_;
    skip_spaces();
    if (take(']')) return true;
    while (true) {
      if (!value(node.items.emplace_back(), depth)) return false;
      skip_spaces();
      if (take(']')) return true;
      if (!take(',')) return wrong(fmt::format("expected , or ] in a list, found {}", found()));
    }
  }

  bool number(TextNode& node) {
    const auto start = at_;
    const auto digits = [&] {
      const auto from = at_;
      while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) ++at_;
      return at_ > from;
    };
    const auto malformed = [&] {
      at_ = start;
      return wrong(fmt::format("expected a value, found {}", found()));
    };
    take('-');
    if (take('0')) {
      if (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])))
        return wrong("a number does not start with 0; a text stands in double quotes");
    } else if (!digits()) {
      return malformed();
    }
    if (take('.') && !digits()) return malformed();
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      if (!digits()) return malformed();
    }
    node.type = TextNode::Type::kNumber;
    node.text = text_.substr(start, at_ - start);
    return true;
  }

  bool hex4(unsigned& code) {
    code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      if (at_ >= text_.size() || !std::isxdigit(static_cast<unsigned char>(text_[at_])))
        return wrong("\\u takes four hexadecimal digits");
      const char c = text_[at_];
      code = code << 4 | static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return true;
  }

  static void append_utf8(std::string& out, unsigned code) {
    const auto byte = [&](unsigned bits) { out += static_cast<char>(bits); };
    if (code < 0x80) {
      byte(code);
    } else if (code < 0x800) {
      byte(0xc0 | code >> 6);
      byte(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      byte(0xe0 | code >> 12);
      byte(0x80 | (code >> 6 & 0x3f));
      byte(0x80 | (code & 0x3f));
    } else {
      byte(0xf0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3f));
      byte(0x80 | (code >> 6 & 0x3f));
      byte(0x80 | (code & 0x3f));
    }
  }

  bool unicode_escape(std::string& out) {
    unsigned code = 0;
    if (!hex4(code)) return false;
    if (code == 0) return wrong("\\u0000 is not allowed in a text");
    if (code >= 0xdc00 && code <= 0xdfff) return wrong("half of a surrogate pair in a text");
    if (code >= 0xd800 && code <= 0xdbff) {
      unsigned low = 0;
      if (!take('\\') || !take('u')) return wrong("half of a surrogate pair in a text");
      if (!hex4(low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return wrong("half of a surrogate pair in a text");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, code);
    return true;
  }

  bool string(std::string& out) {
    ++at_;
    while (true) {
      const auto end = text_.find_first_of(std::string_view("\"\\\n"), at_);
      if (end == std::string_view::npos || text_[end] == '\n')
        return wrong("a text is not closed with a double quote");
      for (size_t i = at_; i < end; ++i) {
        if (static_cast<unsigned char>(text_[i]) < 0x20 && text_[i] != '\t')
          return wrong("a control character in a text; write it as \\u00xx");
      }
      out.append(text_, at_, end - at_);
      at_ = end + 1;
      if (text_[end] == '"') return true;
      if (at_ >= text_.size()) return wrong("a text is not closed with a double quote");
      switch (text_[at_++]) {
        case '"':
          out += '"';
          break;
        case '\\':
          out += '\\';
          break;
        case '/':
          out += '/';
          break;
        case 'b':
          out += '\b';
          break;
        case 'f':
          out += '\f';
          break;
        case 'n':
          out += '\n';
          break;
        case 'r':
          out += '\r';
          break;
        case 't':
          out += '\t';
          break;
        case 'u':
          if (!unicode_escape(out)) return false;
          break;
        default:
          return wrong("an unknown escape after \\ in a text");
      }
    }
  }

  const std::string_view text_;
  const DecodeLimits& limits_;
  const size_t offset_;
  size_t at_ = 0;
  int line_;
  Error error_;
};

}  // namespace

Result<std::vector<TextNode>> read_json(std::string_view text, const DecodeLimits& limits,
                                        const Start& start) {
  return JsonReader(text, limits, start).read();
}

}  // namespace qleet::model
