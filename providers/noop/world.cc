#include "providers/noop/world.h"

#include <fcntl.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace qleet::noop {
namespace {

using google::protobuf::Struct;

Struct encode(const Thing& thing) {
  Struct out;
  auto& f = *out.mutable_fields();
  f["owner"].set_string_value(thing.owner);
  f["name"].set_string_value(thing.name);
  f["hash"].set_string_value(thing.hash);
  f["readyAt"].set_number_value(static_cast<double>(thing.ready_at.time_since_epoch().count()));
  f["absentAt"].set_number_value(static_cast<double>(thing.absent_at.time_since_epoch().count()));
  f["changes"].set_number_value(static_cast<double>(thing.changes));
  f["steps"].set_number_value(static_cast<double>(thing.steps));
  f["degraded"].set_bool_value(thing.degraded);
  f["generation"].set_number_value(static_cast<double>(thing.generation));
  auto& self = *f["self"].mutable_struct_value()->mutable_fields();
  for (const auto& [name, value] : thing.self) self[name].set_string_value(value);
  return out;
}

Thing decode(Struct in) {
  auto& f = *in.mutable_fields();
  const auto time = [&](const char* name) {
    return WallTime(Millis(static_cast<std::int64_t>(f[name].number_value())));
  };
  Thing thing{.owner = f["owner"].string_value(),
              .name = f["name"].string_value(),
              .hash = f["hash"].string_value(),
              .self = {},
              .ready_at = time("readyAt"),
              .absent_at = time("absentAt"),
              .changes = static_cast<std::uint64_t>(f["changes"].number_value()),
              .steps = static_cast<std::uint64_t>(f["steps"].number_value()),
              .generation = static_cast<std::uint32_t>(f["generation"].number_value()),
              .degraded = f["degraded"].bool_value()};
  for (const auto& [name, value] : f["self"].struct_value().fields()) thing.self[name] = value.string_value();
  return thing;
}

Result<> write_file(const std::string& file, const std::string& bytes) {
  const std::string next = file + ".next";
  const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Code::kInternal, "noop world " + next + ": " + std::strerror(errno));
  const bool written = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  ::close(fd);
  if (!written || std::rename(next.c_str(), file.c_str()) != 0)
    return fail(Code::kInternal, "noop world " + file + ": " + std::strerror(errno));
  return {};
}

}  // namespace

Result<std::shared_ptr<World>> World::in_file(const std::string& file) {
  auto world = std::make_shared<World>();
  world->file_ = file;
  if (!std::filesystem::exists(file)) return world;
  std::ifstream in(file, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  google::protobuf::ListValue list;
  if (!in || !list.ParseFromString(bytes.str()))
    return fail(Code::kInternal, "noop world " + file + " cannot be read");
  const MutexLock lock(world->mutex_);
  for (const auto& value : list.values()) {
    Thing thing = decode(value.struct_value());
    const Key key{thing.owner, thing.name};
    world->things_[key] = std::move(thing);
  }
  return world;
}

std::optional<Thing> World::find(const std::string& owner, const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto known = things_.find({owner, name});
  if (known == things_.end()) return std::nullopt;
  return known->second;
}

std::vector<Thing> World::things() const {
  const MutexLock lock(mutex_);
  std::vector<Thing> all;
  for (const auto& [key, thing] : things_) all.push_back(thing);
  return all;
}

Result<> World::save(const std::map<Key, Thing>& things) const {
  if (file_.empty()) return {};
  google::protobuf::ListValue list;
  for (const auto& [key, thing] : things) *list.add_values()->mutable_struct_value() = encode(thing);
  return write_file(file_, list.SerializeAsString());
}

Result<> World::note(const char* event, const Thing& thing) const {
  if (file_.empty()) return {};
  Struct line = encode(thing);
  (*line.mutable_fields())["event"].set_string_value(event);
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(line, &text).ok())
    return fail(Code::kInternal, "noop world " + file_ + ": " + thing.name + " is no JSON");
  text += '\n';
  const std::string file = file_ + ".history";
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (fd >= 0) ::close(fd);
  if (!written) return fail(Code::kInternal, "noop world " + file + ": " + std::strerror(errno));
  return {};
}

Result<> World::put(Thing thing) {
  const Key key{thing.owner, thing.name};
  {
    const MutexLock lock(mutex_);
    TRY(note("put", thing));
    things_[key] = std::move(thing);
    TRY(save(things_));
  }
  tell(key.second);
  return {};
}

Result<> World::erase(const std::string& owner, const std::string& name, std::uint32_t generation) {
  {
    const MutexLock lock(mutex_);
    const auto known = things_.find({owner, name});
    if (known == things_.end()) return {};
    Thing gone = known->second;
    gone.generation = generation;
    TRY(note("gone", gone));
    things_.erase(known);
    TRY(save(things_));
  }
  tell(name);
  return {};
}

Result<> World::meddle(const std::string& owner, const std::string& name,
                       const std::function<void(Thing&)>& change) {
  {
    const MutexLock lock(mutex_);
    const auto known = things_.find({owner, name});
    if (known == things_.end()) return fail(Code::kNotFound, "no thing " + name);
    change(known->second);
    TRY(note("put", known->second));
    TRY(save(things_));
  }
  tell(name);
  return {};
}

Result<> World::vanish(const std::string& owner, const std::string& name) { return erase(owner, name); }

std::uint64_t World::count_apply(const std::string& name) {
  const MutexLock lock(mutex_);
  return ++applies_[name];
}

std::uint64_t World::applies(const std::string& name) const {
  const MutexLock lock(mutex_);
  const auto known = applies_.find(name);
  return known == applies_.end() ? 0 : known->second;
}

std::shared_ptr<void> World::watch(std::function<void(std::string)> changed) {
  const MutexLock lock(watchers_mutex_);
  const std::uint64_t id = next_watcher_++;
  watchers_[id] = std::move(changed);
  return std::shared_ptr<void>(this, [id](void* world) {
    auto* self = static_cast<World*>(world);
    const MutexLock inner(self->watchers_mutex_);
    self->watchers_.erase(id);
  });
}

void World::tell(const std::string& name) {
  const MutexLock lock(watchers_mutex_);
  for (const auto& [id, changed] : watchers_) changed(name);
}

}  // namespace qleet::noop
