#include "common/template/scan.h"

#include <fmt/format.h>

#include <set>

namespace qleet::templates {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr size_t kMaxSegments = 8;
constexpr size_t kMaxPlaceholders = 64;
constexpr size_t kMaxShown = 60;

std::string shown(std::string_view text) {
  const auto line = text.substr(0, text.find('\n'));
  return line.size() <= kMaxShown ? std::string(line) : std::string(line.substr(0, kMaxShown)) + "...";
}

// "resources.db.host" -> segments; a dot inside a name is written "\.".
Result<Path> parse_path(std::string_view written) {
  const auto inner = written.substr(2, written.size() - 3);
  if (inner.empty())
    return fail(Code::kInvalid, "${}: a placeholder names something, for example ${params.size}");
  Path path(1);
  for (size_t i = 0; i < inner.size(); ++i) {
    const char c = inner[i];
    if (c == '\\' && i + 1 < inner.size() && inner[i + 1] == '.') {
      path.back() += '.';
      ++i;
    } else if (c == '.') {
      path.emplace_back();
    } else if (static_cast<unsigned char>(c) <= ' ' || c == '$' || c == '{' || c == '"') {
      return fail(Code::kInvalid,
                  fmt::format("{}: a placeholder holds names and dots only; for a plain \"${{\" write $${{",
                              shown(written)));
    } else {
      path.back() += c;
    }
  }
  for (const auto& segment : path) {
    if (segment.empty())
      return fail(Code::kInvalid, fmt::format("{}: a name is missing beside a dot", shown(written)));
  }
  if (path.size() > kMaxSegments) {
    return fail(Code::kInvalid,
                fmt::format("{}: more than {} names in one placeholder", shown(written), kMaxSegments));
  }
  return path;
}

Result<> collect(const Value& value, std::set<Path>& found);

Result<> collect(const Struct& value, std::set<Path>& found) {
  for (const auto& [key, field] : value.fields()) {
    if (auto done = collect(field, found); !done) return done;
  }
  return {};
}

Result<> collect(const Value& value, std::set<Path>& found) {
  switch (value.kind_case()) {
    case Value::kStringValue: {
      auto paths = references(value.string_value());
      if (!paths) return std::unexpected(std::move(paths).error());
      for (auto& path : *paths) found.insert(std::move(path));
      return {};
    }
    case Value::kStructValue:
      return collect(value.struct_value(), found);
    case Value::kListValue:
      for (const auto& item : value.list_value().values()) {
        if (auto done = collect(item, found); !done) return done;
      }
      return {};
    default:
      return {};
  }
}

template <class T>
Result<std::vector<Path>> references_of(const T& value) {
  std::set<Path> found;
  if (auto done = collect(value, found); !done) return std::unexpected(std::move(done).error());
  return std::vector<Path>(found.begin(), found.end());
}

}  // namespace

Result<std::vector<Piece>> scan(std::string_view text) {
  std::vector<Piece> pieces;
  size_t plain = 0;
  size_t placeholders = 0;
  const auto flush = [&](size_t end) {
    if (end > plain) pieces.push_back({Piece::Type::kText, text.substr(plain, end - plain), {}});
  };
  for (size_t at = text.find('$'); at != std::string_view::npos; at = text.find('$', at)) {
    const auto rest = text.substr(at);
    if (rest.starts_with("$${")) {
      flush(at);
      pieces.push_back({Piece::Type::kEscape, rest.substr(0, 3), {}});
      plain = at += 3;
    } else if (rest.starts_with("${")) {
      const auto close = rest.find('}');
      if (close == std::string_view::npos) {
        return fail(
            Code::kInvalid,
            fmt::format("{}: the placeholder is not closed; for a plain \"${{\" write $${{", shown(rest)));
      }
      const auto written = rest.substr(0, close + 1);
      auto path = parse_path(written);
      if (!path) return std::unexpected(std::move(path).error());
      if (++placeholders > kMaxPlaceholders)
        return fail(Code::kInvalid, fmt::format("more than {} placeholders in one string", kMaxPlaceholders));
      flush(at);
      pieces.push_back({Piece::Type::kPlaceholder, written, *std::move(path)});
      plain = at += written.size();
    } else {
      ++at;
    }
  }
  flush(text.size());
  return pieces;
}

Result<std::vector<Path>> references(std::string_view text) {
  auto pieces = scan(text);
  if (!pieces) return std::unexpected(std::move(pieces).error());
  std::vector<Path> paths;
  paths.reserve(pieces->size());
  for (auto& piece : *pieces) {
    if (piece.type == Piece::Type::kPlaceholder) paths.push_back(std::move(piece.path));
  }
  return paths;
}

Result<std::vector<Path>> references(const Value& value) { return references_of(value); }
Result<std::vector<Path>> references(const Struct& value) { return references_of(value); }

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("${")) out += '$';
    out += text[i];
  }
  return out;
}

Value escape(const Value& value) {
  Value out = value;
  if (value.kind_case() == Value::kStringValue) {
    out.set_string_value(escape(value.string_value()));
  } else if (value.kind_case() == Value::kStructValue) {
    for (auto& [key, field] : *out.mutable_struct_value()->mutable_fields()) field = escape(field);
  } else if (value.kind_case() == Value::kListValue) {
    for (auto& item : *out.mutable_list_value()->mutable_values()) item = escape(item);
  }
  return out;
}

std::string to_text(const Path& path) {
  std::string out = "${";
  for (const auto& segment : path) {
    if (out.size() > 2) out += '.';
    for (const char c : segment) {
      if (c == '.') out += '\\';
      out += c;
    }
  }
  return out + "}";
}

}  // namespace qleet::templates
