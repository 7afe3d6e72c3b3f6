#include "providers/route/router.h"

#include <fmt/format.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <thread>

#include "common/engine/ownership.h"
#include "common/model/reasons.h"
#include "providers/route/slots.h"

namespace qleet::route {

namespace fs = std::filesystem;

namespace {

constexpr const char* kConfig = "haproxy.cfg";
constexpr const char* kNext = "haproxy.cfg.next";
constexpr const char* kListen = "listen";
constexpr std::chrono::milliseconds kReloadWithin{8'000};

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Result<> write_file(const fs::path& path, std::string_view text) {
  const fs::path next = path.string() + ".part";
  std::ofstream out(next, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  std::error_code error;
  if (out) fs::rename(next, path, error);
  if (!out || error) return fail(Code::kUnavailable, fmt::format("{}: cannot be written", path.string()));
  return {};
}

std::string to_json(const Entry& entry) {
  google::protobuf::Struct object;
  auto& fields = *object.mutable_fields();
  fields["owner"].set_string_value(entry.owner);
  fields["resource"].set_string_value(entry.resource);
  fields["hash"].set_string_value(entry.hash);
  fields["backend"].set_string_value(entry.backend);
  fields["host"].set_string_value(entry.host);
  fields["path"].set_string_value(entry.path);
  fields["workload"].set_string_value(entry.workload);
  fields["port"].set_number_value(entry.port);
  fields["slots"].set_number_value(entry.slots);
  auto* targets = fields["targets"].mutable_list_value();
  for (const auto& target : entry.targets) {
    auto& one = *targets->add_values()->mutable_struct_value()->mutable_fields();
    one["ip"].set_string_value(target.ip);
    one["port"].set_number_value(target.port);
  }
  std::string out;
  (void)google::protobuf::util::MessageToJsonString(object, &out);
  return out;
}

std::optional<Entry> from_json(const std::string& text) {
  google::protobuf::Struct object;
  if (!google::protobuf::util::JsonStringToMessage(text, &object).ok()) return std::nullopt;
  auto& fields = *object.mutable_fields();
  Entry out{.owner = fields["owner"].string_value(),
            .resource = fields["resource"].string_value(),
            .hash = fields["hash"].string_value(),
            .backend = fields["backend"].string_value(),
            .host = fields["host"].string_value(),
            .path = fields["path"].string_value(),
            .workload = fields["workload"].string_value(),
            .port = static_cast<std::uint16_t>(fields["port"].number_value()),
            .slots = static_cast<unsigned>(fields["slots"].number_value())};
  for (auto& value : *fields["targets"].mutable_list_value()->mutable_values()) {
    auto& one = *value.mutable_struct_value()->mutable_fields();
    out.targets.push_back({one["ip"].string_value(), static_cast<std::uint16_t>(one["port"].number_value())});
  }
  if (out.resource.empty() || out.backend.empty()) return std::nullopt;
  return out;
}

}  // namespace

fs::path Router::file_of(const std::string& key) const {
  return folder_ / "routes" / (containers::short_hash(key) + ".json");
}

std::vector<Entry> Router::read() const {
  std::vector<Entry> out;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder_ / "routes", error)) {
    if (file.path().extension() != ".json") continue;
    if (auto entry = from_json(read_file(file.path()))) out.push_back(std::move(*entry));
  }
  sort_by_precedence(out);
  return out;
}

std::vector<Entry> Router::entries() const {
  const std::lock_guard lock(mutex_);
  return read();
}

std::optional<Entry> Router::find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  auto entry = from_json(read_file(file_of(key)));
  if (entry && entry->key() != key) return std::nullopt;
  return entry;
}

Result<> Router::save(const Entry& entry) const { return write_file(file_of(entry.key()), to_json(entry)); }

Result<> Router::prepare(const Listen& listen) {
  const std::lock_guard lock(mutex_);
  std::error_code error;
  fs::create_directories(folder_ / "routes", error);
  fs::permissions(folder_, fs::perms::owner_all, error);
  if (error) return fail(Code::kUnavailable, fmt::format("{}: {}", folder_.string(), error.message()));
  TRY(write_file(folder_ / kListen, fmt::format("{} {}", listen.address, listen.port)));
  return write(read());
}

Listen Router::listen() const {
  Listen out;
  std::ifstream in(folder_ / kListen);
  in >> out.address >> out.port;
  return out;
}

Result<> Router::write(const std::vector<Entry>& entries) const {
  const Listen listen = this->listen();
  if (listen.port == 0) {
    return fail(Code::kUnavailable, fmt::format("{}: the router was not set up yet", folder_.string()));
  }
  // Over what needs a reload; targets are told to the running process.
  std::string shape = fmt::format("{}:{}", listen.address, listen.port);
  for (const auto& entry : entries) {
    shape += fmt::format("|{} {} {} {}", entry.backend, entry.host, entry.path, entry.slots);
  }
  return write_file(folder_ / kConfig, render(listen, entries, containers::short_hash(shape)));
}

bool Router::current() const {
  const auto running = admin_.description();
  if (!running) return false;
  return read_file(folder_ / kConfig).find(fmt::format("\n  description {}\n", *running)) !=
         std::string::npos;
}

Result<> Router::reload() {
  const std::lock_guard lock(mutex_);
  return reload_locked();
}

Result<> Router::reload_locked() {
  if (current()) return {};
  if (!admin_.description()) return {};  // does not run: it will start with what is written
  TRY(admin_.reload());
  const auto deadline = std::chrono::steady_clock::now() + kReloadWithin;
  while (!current()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return fail(
          Code::kUnavailable, reasons::kProviderError,
          "haproxy did not take its new configuration; it goes on with the old one (its logs say why)");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return {};
}

Result<> Router::put(Entry entry) {
  const std::lock_guard lock(mutex_);
  auto all = read();
  for (const auto& other : all) {
    if (other.key() != entry.key() && other.host == entry.host && other.path == entry.path) {
      return fail(Code::kConflict, reasons::kResourceConflict,
                  fmt::format("{}{} is routed already, by {}: choose another host or path",
                              entry.host.empty() ? "any host" : entry.host, entry.path, other.resource));
    }
    // Both are short digests: another one's is never written over.
    const bool same = other.backend == entry.backend || file_of(other.key()) == file_of(entry.key());
    if (other.key() != entry.key() && same) {
      return fail(
          Code::kConflict, reasons::kResourceConflict,
          fmt::format("route \"{}\" would have the same name inside the router as {}: give it another id",
                      entry.resource, other.resource));
    }
  }
  const auto old = std::ranges::find_if(all, [&](const Entry& one) { return one.key() == entry.key(); });
  const std::string before = read_file(folder_ / kConfig);
  if (old != all.end()) {
    entry.slots = std::max({entry.slots, old->slots, kLeastSlots});
    // Of another workload or port the targets are others too.
    if (old->workload == entry.workload && old->port == entry.port) entry.targets = old->targets;
    *old = entry;
  } else {
    entry.slots = std::max(entry.slots, kLeastSlots);
    all.push_back(entry);
  }
  entry.targets.resize(entry.slots);
  TRY(write(all));
  if (admin_.description()) {
    // Checked as a file of its own, so that a mistake never stands where a restart would read it.
    const std::string next = read_file(folder_ / kConfig);
    TRY(write_file(folder_ / kNext, next));
    TRY(write_file(folder_ / kConfig, before));
    TRY(check_(kNext));
    TRY(write_file(folder_ / kConfig, next));
  }
  TRY(save(entry));
  return reload_locked();
}

Result<> Router::erase(const std::string& key) {
  const std::lock_guard lock(mutex_);
  std::error_code error;
  fs::remove(file_of(key), error);
  if (!fs::exists(folder_ / kListen)) return {};
  TRY(write(read()));
  return reload_locked();
}

bool Router::serves(const Entry& entry) const {
  const auto answer = admin_.ask(0, "show servers state " + entry.backend);
  return answer && !parse_servers(*answer).empty();
}

Result<bool> Router::lead(const std::string& key, const std::vector<Target>& targets) {
  const std::lock_guard lock(mutex_);
  auto entry = from_json(read_file(file_of(key)));
  if (!entry || entry->key() != key) return true;  // gone meanwhile
  return lead_locked(*entry, targets);
}

Result<bool> Router::lead_locked(Entry& entry, const std::vector<Target>& targets) {
  if (targets.size() * 2 > entry.slots) {
    // Room for all of them twice, since old and new stand side by side in a rollout.
    while (targets.size() * 2 > entry.slots) entry.slots *= 2;
    entry.targets.resize(entry.slots);
    TRY(save(entry));
    TRY(write(read()));
    TRY(reload_locked());
  }
  auto slots = parse_servers(TRY(admin_.ask(0, "show servers state " + entry.backend)));
  if (slots.empty()) {
    return fail(Code::kUnavailable, fmt::format("haproxy does not serve {} yet", entry.resource));
  }
  read_sessions(TRY(admin_.ask(0, "show stat")), entry.backend, slots);
  const SlotPlan plan = plan_slots(entry.backend, slots, targets);
  for (const auto& command : plan.commands) TRY(admin_.ask(0, command));
  if (plan.targets != entry.targets) {
    entry.targets = plan.targets;
    TRY(save(entry));
    TRY(write(read()));
  }
  // Workers of before a reload take no new request, but may still be busy with one.
  bool busy = plan.busy || plan.full;
  for (const int pid : TRY(admin_.old_workers())) {
    const auto state = admin_.ask(pid, "show servers state " + entry.backend);
    const auto stat = admin_.ask(pid, "show stat");
    if (!state || !stat) continue;  // has ended meanwhile
    auto old = parse_servers(*state);
    read_sessions(*stat, entry.backend, old);
    busy = busy || std::ranges::any_of(old, [&](const Slot& slot) {
             return slot.sessions > 0 && std::ranges::find(targets, slot.target) == targets.end();
           });
  }
  return !busy;
}

}  // namespace qleet::route
