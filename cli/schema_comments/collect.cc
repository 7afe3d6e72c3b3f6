// Writes the comments of a schema as C++: collect DESCRIPTORS OUT.cc. The descriptors are protoc's, with
// imports and source info.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <fstream>
#include <iostream>
#include <map>
#include <string>

namespace {

using google::protobuf::Descriptor;

std::string one_paragraph(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const char plain = c == '\n' || c == '\t' ? ' ' : c;
    if (plain != ' ' || (!out.empty() && out.back() != ' ')) out += plain;
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

template <class Described>
void note(const Described& described, std::map<std::string, std::string>& comments) {
  google::protobuf::SourceLocation location;
  if (!described.GetSourceLocation(&location)) return;
  auto text = one_paragraph(location.leading_comments + " " + location.trailing_comments);
  if (!text.empty()) comments[described.full_name()] = std::move(text);
}

void collect(const Descriptor& type, std::map<std::string, std::string>& comments) {
  note(type, comments);
  for (int i = 0; i < type.field_count(); ++i) note(*type.field(i), comments);
  for (int i = 0; i < type.nested_type_count(); ++i) collect(*type.nested_type(i), comments);
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  google::protobuf::FileDescriptorSet set;
  std::ifstream in(argv[1], std::ios::binary);
  if (!set.ParseFromIstream(&in)) {
    std::cerr << argv[1] << ": is no set of descriptors\n";
    return 1;
  }
  google::protobuf::DescriptorPool pool;
  std::map<std::string, std::string> comments;
  for (const auto& proto : set.file()) {  // each after those that it imports
    const auto* file = pool.BuildFile(proto);
    if (file == nullptr) return 1;
    if (file->package() != "qleet.v1") continue;
    for (int i = 0; i < file->message_type_count(); ++i) collect(*file->message_type(i), comments);
  }
  std::ofstream out(argv[2]);
  out << "#include \"cli/schema_comments/comments.h\"\n\nnamespace qleet::cli {\n\n"
         "std::span<const SchemaComment> schema_comments() {\n  static constexpr SchemaComment table[] = {\n";
  for (const auto& [name, text] : comments)
    out << "      {" << quoted(name) << ", " << quoted(text) << "},\n";
  out << "  };\n  return table;\n}\n\n}  // namespace qleet::cli\n";
  return out.flush() ? 0 : 1;
}
