#include "tests/corpus/dump.h"

#include <fmt/format.h>
#include <lmdb.h>

#include <fstream>
#include <iterator>
#include <set>
#include <stdexcept>

#include "common/crypto/encoding.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "hub/store/objects.h"
#include "qleet/wire/v1/wire.pb.h"

namespace qleet::corpus {
namespace {

namespace pb = google::protobuf;

void collect(const pb::Message& message, const std::string& path, std::set<std::string>& into) {
  std::vector<const pb::FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const auto* field : fields) {
    const std::string name = path + "." + field->name();
    into.insert(name);
    if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE || field->is_map() ||
        field->message_type()->full_name().starts_with("google."))
      continue;
    if (!field->is_repeated()) {
      collect(message.GetReflection()->GetMessage(message, field), name, into);
      continue;
    }
    for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i)
      collect(message.GetReflection()->GetRepeatedMessage(message, field, i), name, into);
  }
}

// With members in order, which protobuf's own maps have not.
void append(const pb::Value& value, const std::string& indent, std::string& out) {
  const std::string deeper = indent + "  ";
  if (value.has_struct_value()) {
    const std::map<std::string, pb::Value> members(value.struct_value().fields().begin(),
                                                   value.struct_value().fields().end());
    out += "{";
    const char* comma = "\n";
    for (const auto& [name, member] : members) {
      pb::Value text;
      text.set_string_value(name);
      out += comma + deeper;
      append(text, deeper, out);
      out += ": ";
      append(member, deeper, out);
      comma = ",\n";
    }
    out += members.empty() ? "}" : "\n" + indent + "}";
  } else if (value.has_list_value()) {
    out += "[";
    const char* comma = "\n";
    for (const auto& member : value.list_value().values()) {
      out += comma + deeper;
      append(member, deeper, out);
      comma = ",\n";
    }
    out += value.list_value().values().empty() ? "]" : "\n" + indent + "]";
  } else {
    std::string json;
    if (!pb::util::MessageToJsonString(value, &json).ok()) throw std::runtime_error("no JSON");
    out += json;
  }
}

std::string printable(std::string_view bytes) {
  std::string out;
  for (const char c : bytes)
    out += c >= ' ' && c < 127 && c != '\\' ? std::string(1, c)
                                            : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return out;
}

}  // namespace

std::string kind_of(std::string_view subject) {
  static const std::map<std::string_view, const char*> kKindOf{
      {"desired", "Delta"},       {"poke", "Poke"},           {"ack", "StatusAck"},
      {"command", "LogsRequest"}, {"sync", "SyncRequest"},    {"_INBOX", "SyncBatch"},
      {"status", "StatusReport"}, {"heartbeat", "Heartbeat"}, {"logs", "LogsChunk"}};
  const auto found = kKindOf.find(subject.substr(0, subject.find('.')));
  return found == kKindOf.end() ? "" : found->second;
}

std::unique_ptr<pb::Message> new_message(const std::string& kind) {
  wire::v1::Delta::descriptor();
  const auto* type = pb::DescriptorPool::generated_pool()->FindMessageTypeByName("qleet.wire.v1." + kind);
  if (!type) throw std::runtime_error("there is no message " + kind);
  return std::unique_ptr<pb::Message>(pb::MessageFactory::generated_factory()->GetPrototype(type)->New());
}

std::string fields_of(const pb::Message& message) {
  std::set<std::string> names;
  collect(message, "", names);
  std::string all;
  for (const auto& name : names) all += name + "\n";
  return all;
}

std::string json_of(const pb::Message& message) {
  std::string json;
  pb::Value value;
  if (!pb::util::MessageToJsonString(message, &json).ok() ||
      !pb::util::JsonStringToMessage(json, &value).ok())
    throw std::runtime_error("no JSON");
  std::string out;
  append(value, "", out);
  return out + "\n";
}

std::string dump(const hub::Store& store) {
  const auto reader = store.snapshot().value();
  std::string all = fmt::format("revision {}\n", reader->revision());
  const auto entries = reader->scan({}).value();
  for (const auto& entry : entries) {
    all += fmt::format("{} @{} ", entry.key, entry.revision);
    if (entry.key.starts_with("o/")) {
      all += "\n" + json_of(*hub::objects::decode(entry).value());
    } else {
      all += printable(entry.value) + "\n";
    }
  }
  return all;
}

std::string dump(const agent::JournalContents& contents) {
  std::string all = json_of(contents.meta);
  for (const auto& [name, desired] : contents.desired)
    all += fmt::format("wanted {}\n{}", name, json_of(desired));
  for (const auto& [name, runtime] : contents.runtime)
    all += fmt::format("here {}\n{}", name, json_of(runtime));
  for (const auto& [sequence, event] : contents.events)
    all += fmt::format("event {}\n{}", sequence, json_of(event));
  return all;
}

void write_file(const std::filesystem::path& file, const std::string& content) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  if (!out.write(content.data(), static_cast<std::streamsize>(content.size())))
    throw std::runtime_error("cannot write " + file.string());
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

void copy_lmdb(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::create_directories(to);
  std::filesystem::remove(to / "data.mdb");
  MDB_env* env = nullptr;
  int rc = mdb_env_create(&env);
  if (rc == 0) rc = mdb_env_open(env, from.c_str(), MDB_RDONLY | MDB_NOLOCK, 0600);
  if (rc == 0) rc = mdb_env_copy2(env, to.c_str(), MDB_CP_COMPACT);
  mdb_env_close(env);
  if (rc != 0) throw std::runtime_error(mdb_strerror(rc));
}

}  // namespace qleet::corpus
