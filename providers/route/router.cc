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
constexpr const char* kSettings = "settings";
constexpr const char* kMadeFor = "made-for";
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
  if (!entry.serves) fields["waits"].set_bool_value(true);
  if (entry.departing) fields["departing"].set_bool_value(true);
  if (entry.order > 0) fields["order"].set_number_value(static_cast<double>(entry.order));
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
            .slots = static_cast<unsigned>(fields["slots"].number_value()),
            .targets = {},
            .serves = !fields["waits"].bool_value(),
            .departing = fields["departing"].bool_value(),
            .order = static_cast<std::uint64_t>(fields["order"].number_value())};
  for (auto& value : *fields["targets"].mutable_list_value()->mutable_values()) {
    auto& one = *value.mutable_struct_value()->mutable_fields();
    out.targets.push_back({one["ip"].string_value(), static_cast<std::uint16_t>(one["port"].number_value())});
  }
  if (out.resource.empty() || out.backend.empty()) return std::nullopt;
  return out;
}

bool reachable(const Target& target) { return target.port != 0; }

bool same_claim(const Entry& a, const Entry& b) { return a.host == b.host && a.path == b.path; }

bool same_way(const Entry& a, const Entry& b) {
  return same_claim(a, b) && a.workload == b.workload && a.port == b.port;
}

// Another route or another workload has another one.
std::string backend_of(const Entry& entry, const std::vector<Entry>& all) {
  const auto plain = "r" + containers::short_hash(entry.owner + "\n" + entry.resource);
  const auto free = [&](const std::string& name) {
    return std::ranges::find(all, name, &Entry::backend) == all.end();
  };
  // Of one that was here before there may still be requests on their way.
  for (std::uint64_t turn = 0;; ++turn) {
    auto name = turn == 0 ? plain
                          : "r" + containers::short_hash(fmt::format("{}\n{}\n{}\n{}", entry.owner,
                                                                     entry.resource, entry.order, turn));
    if (free(name)) return name;
  }
}

}  // namespace

fs::path Router::file_of(const Entry& entry) const {
  const auto name = entry.departing ? entry.backend : containers::short_hash(entry.key());
  return folder_ / "routes" / (name + ".json");
}

std::vector<Entry> Router::read() const {
  std::vector<Entry> out;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder_ / "routes", error)) {
    if (file.path().extension() != ".json") continue;
    if (auto entry = from_json(read_file(file.path()))) out.push_back(std::move(*entry));
  }
  // A crash in between may have left one twice: as it was, and as what it has become.
  std::erase_if(out, [&](const Entry& entry) {
    return entry.departing && std::ranges::any_of(out, [&](const Entry& one) {
             return !one.departing && one.backend == entry.backend;
           });
  });
  sort_by_precedence(out);
  return out;
}

std::vector<Entry> Router::entries() const {
  const MutexLock lock(mutex_);
  return read();
}

std::optional<Entry> Router::find(const std::string& key) const {
  const MutexLock lock(mutex_);
  return from_json(read_file(folder_ / "routes" / (containers::short_hash(key) + ".json")));
}

std::vector<Entry> Router::all_of(const std::string& key) const {
  auto out = entries();
  std::erase_if(out, [&](const Entry& entry) { return entry.key() != key; });
  return out;
}

Result<> Router::save(const Entry& entry) const { return write_file(file_of(entry), to_json(entry)); }

Result<> Router::prepare(const Listen& listen) {
  const MutexLock lock(mutex_);
  std::error_code error;
  fs::create_directories(folder_ / "routes", error);
  fs::permissions(folder_, fs::perms::owner_all, error);
  if (error) return fail(Code::kUnavailable, fmt::format("{}: {}", folder_.string(), error.message()));
  TRY(write_listen(listen));
  auto all = read();
  for (auto& entry : all) {
    const auto sight = around_.sight(entry);
    bool changed = false;
    for (auto& target : entry.targets) {
      if (!reachable(target)) continue;
      if (sight.targets && std::ranges::find(*sight.targets, target) != sight.targets->end()) continue;
      target = {};
      changed = true;
    }
    if (changed) TRY(save(entry));
  }
  return write(all, kConfig);
}

Result<> Router::write_listen(const Listen& listen) const {
  TRY(write_file(folder_ / kSettings, to_text(listen.settings)));
  return write_file(folder_ / kListen, fmt::format("{} {}", listen.address, listen.port));
}

Listen Router::listen() const {
  Listen out;
  std::ifstream in(folder_ / kListen);
  in >> out.address >> out.port;
  out.settings = settings_from(read_file(folder_ / kSettings));
  return out;
}

Result<> Router::change(const Listen& listen) {
  const MutexLock lock(mutex_);
  const Listen before = this->listen();
  TRY(write_listen(listen));
  auto done = write(read(), kNext);
  if (done) done = around_.check(kNext);
  if (!done) {
    TRY(write_listen(before));
    return done;
  }
  TRY(write(read(), kConfig));
  return reload_locked();
}

std::string Router::made_for() const { return read_file(folder_ / kMadeFor); }

Result<> Router::note_made_for(const std::string& hash) const { return write_file(folder_ / kMadeFor, hash); }

Result<> Router::write(const std::vector<Entry>& entries, const char* file) const {
  const Listen listen = this->listen();
  if (listen.port == 0) {
    return fail(Code::kUnavailable, fmt::format("{}: the router was not set up yet", folder_.string()));
  }
  // Over what needs a reload; targets are told to the running process.
  std::string shape = fmt::format("{}:{}{}", listen.address, listen.port, to_text(listen.settings));
  for (const auto& entry : entries) {
    if (!entry.rendered()) continue;
    shape += fmt::format("|{} {} {} {}{}", entry.backend, entry.host, entry.path, entry.slots,
                         entry.serves ? "" : " waits");
  }
  const auto closed = closed_hosts(entries);
  for (const auto& host : closed.to_wildcards) shape += "?" + host;
  for (const auto& host : closed.to_any) shape += "!" + host;
  return write_file(folder_ / file, render(listen, entries, containers::short_hash(shape)));
}

bool Router::current() const {
  const auto running = admin_.description();
  if (!running) return false;
  return read_file(folder_ / kConfig).find(fmt::format("\n  description {}\n", *running)) !=
         std::string::npos;
}

Result<> Router::reload() {
  const MutexLock lock(mutex_);
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

// From one set of routes to another, as one step.
Result<> Router::commit(const std::vector<Entry>& before, const std::vector<Entry>& after) {
  if (admin_.description()) {
    // Checked as a file of its own, so that a mistake never stands where a restart would read it.
    TRY(write(after, kNext));
    TRY(around_.check(kNext));
  }
  // What departs first: its old file is overwritten by its successor's.
  for (const bool departing : {true, false}) {
    for (const auto& entry : after) {
      const auto as_it_was = std::ranges::find_if(before, [&](const Entry& one) {
        return one.backend == entry.backend && one.departing == departing;
      });
      const bool same = as_it_was != before.end() && to_json(*as_it_was) == to_json(entry);
      if (entry.departing == departing && !same) TRY(save(entry));
    }
  }
  for (const auto& entry : before) {
    const bool stays =
        std::ranges::any_of(after, [&](const Entry& one) { return file_of(one) == file_of(entry); });
    std::error_code error;
    if (!stays) fs::remove(file_of(entry), error);
  }
  TRY(write(after, kConfig));
  TRY(reload_locked());
  for (const auto& entry : after) {
    const auto old = std::ranges::find(before, entry.backend, &Entry::backend);
    if (old != before.end() && old->serves != entry.serves) around_.changed(entry);
  }
  return {};
}

// Says who serves, and drops claims that nothing came of.
Arrangement Router::arrange_in(std::vector<Entry>& entries) {
  const auto now = std::chrono::steady_clock::now();
  std::vector<Standing> all;
  std::set<std::string> still;
  for (const auto& entry : entries) {
    if (!entry.rendered()) continue;
    const auto sight = around_.sight(entry);
    Standing one{.backend = entry.backend,
                 .resource = entry.resource,
                 .application = application_of(entry.resource),
                 .host = entry.host,
                 .path = entry.path,
                 .serves = entry.serves,
                 .departing = entry.departing,
                 .leaving = sight.leaving,
                 .order = entry.order};
    // Who is to take over must be known to haproxy already, and have been looked at since the agent started.
    // Who serves is taken to go on until something else is known.
    const bool told = std::ranges::any_of(entry.targets, reachable);
    one.alive = told && (sight.targets ? !sight.targets->empty() : entry.serves);
    if (one.departing || one.leaving) {
      still.insert(one.backend);
      one.outgoing =
          std::chrono::duration_cast<Millis>(now - outgoing_.emplace(one.backend, now).first->second);
    }
    all.push_back(std::move(one));
  }
  std::erase_if(outgoing_, [&](const auto& entry) { return !still.contains(entry.first); });
  auto out = arrange(all);
  for (auto& entry : entries) entry.serves = out.serving.contains(entry.backend);
  return out;
}

Result<Arrangement> Router::rearrange_locked(std::vector<Entry>& entries) {
  const auto before = entries;
  auto out = arrange_in(entries);
  const bool changed = !std::ranges::equal(before, entries, {}, &Entry::serves, &Entry::serves);
  if (changed) TRY(commit(before, entries));
  return out;
}

Result<> Router::put(Entry entry) {
  const MutexLock lock(mutex_);
  const auto before = read();
  auto all = before;
  const auto old =
      std::ranges::find_if(all, [&](const Entry& one) { return one.key() == entry.key() && !one.departing; });
  entry.slots = std::max(entry.slots, kLeastSlots);
  if (old != all.end() && same_way(*old, entry)) {
    old->hash = entry.hash;
    old->slots = std::max(entry.slots, old->slots);
    old->targets.resize(old->slots);
  } else {
    // Files are named by a short digest of the key: another one's is never written over.
    const auto clash = std::ranges::find_if(
        all, [&](const Entry& one) { return one.key() != entry.key() && file_of(one) == file_of(entry); });
    if (clash != all.end())
      return fail(
          Code::kConflict, reasons::kResourceConflict,
          fmt::format("route \"{}\": it has the same name inside the router as {}; give it another id",
                      entry.resource, clash->resource));
    for (const auto& one : all) entry.order = std::max(entry.order, one.order + 1);
    entry.backend = backend_of(entry, all);
    entry.targets.resize(entry.slots);
    entry.serves = false;
    if (old != all.end()) {
      if (old->serves) {
        old->departing = true;
      } else {
        all.erase(old);
      }
    }
    all.push_back(std::move(entry));
    sort_by_precedence(all);
  }
  arrange_in(all);
  return commit(before, all);
}

Result<bool> Router::erase(const std::string& key) {
  const MutexLock lock(mutex_);
  const auto before = read();
  auto all = before;
  std::set<std::string> served;
  for (auto& entry : all) {
    if (entry.serves) served.insert(entry.backend);
    if (entry.key() == key) entry.departing = true;
  }
  arrange_in(all);
  // Of one that served until now there may be requests on their way, which another look will tell.
  const bool runs = admin_.description().has_value();
  std::erase_if(all, [&](const Entry& entry) {
    if (entry.key() != key || entry.serves) return false;
    return !runs || (!served.contains(entry.backend) && !busy_elsewhere(entry.backend, {}));
  });
  const bool gone = std::ranges::none_of(all, [&](const Entry& entry) { return entry.key() == key; });
  if (fs::exists(folder_ / kListen)) {
    TRY(commit(before, all));
    return gone;
  }
  for (const auto& entry : before) {
    std::error_code error;
    if (entry.key() == key) fs::remove(file_of(entry), error);
  }
  return true;
}

std::optional<Router::Holder> Router::holder(const Entry& entry) const {
  const MutexLock lock(mutex_);
  for (const auto& other : read()) {
    if (other.backend == entry.backend || !other.serves || !same_claim(other, entry)) continue;
    return Holder{other.resource, other.departing || around_.sight(other).leaving};
  }
  return std::nullopt;
}

bool Router::serves(const Entry& entry) const {
  const auto answer = admin_.ask(0, "show servers state " + entry.backend);
  return answer && !parse_servers(*answer).empty();
}

Result<Router::Led> Router::lead(const std::string& backend,
                                 const std::optional<std::vector<Target>>& targets) {
  const MutexLock lock(mutex_);
  auto all = read();
  const auto find = [&] { return std::ranges::find(all, backend, &Entry::backend); };
  if (find() == all.end()) return Led{.done = true, .gone = true};
  Led led;
  if (find()->rendered()) {
    if (targets) {
      auto done = lead_locked(*find(), *targets);
      if (done) {
        led.done = *done;
      } else {
        led.error = std::move(done).error();
      }
    }
    // Also where haproxy does not answer: a workload that leaves is not held for ever.
    const auto arrangement = TRY(rearrange_locked(all));
    led.released = arrangement.released.contains(backend);
    led.again = arrangement.again;
  }
  const auto entry = find();
  if (entry->rendered()) return led;
  led.released = true;
  // Requests that came in before it gave up its place.
  led.done = !busy_elsewhere(backend, {});
  if (!led.done) return led;
  std::error_code error;
  fs::remove(file_of(*entry), error);
  led.gone = true;
  return led;
}

bool Router::busy_elsewhere(const std::string& backend, const std::vector<Target>& targets) const {
  const auto workers = admin_.old_workers();
  if (!workers) return false;  // does not run
  return std::ranges::any_of(*workers, [&](int pid) {
    const auto state = admin_.ask(pid, "show servers state " + backend);
    const auto stat = admin_.ask(pid, "show stat");
    if (!state || !stat) return false;  // has ended meanwhile
    auto slots = parse_servers(*state);
    read_sessions(*stat, backend, slots);
    return std::ranges::any_of(slots, [&](const Slot& slot) {
      return slot.sessions > 0 && std::ranges::find(targets, slot.target) == targets.end();
    });
  });
}

Result<bool> Router::lead_locked(Entry& entry, const std::vector<Target>& targets) {
  const auto write_all = [&]() -> Result<> {
    TRY(save(entry));
    return write(read(), kConfig);
  };
  if (targets.size() * 2 > entry.slots) {
    // Room for all of them twice, since old and new stand side by side in a rollout.
    while (targets.size() * 2 > entry.slots) entry.slots *= 2;
    entry.targets.resize(entry.slots);
    TRY(write_all());
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
    TRY(write_all());
  }
  // Workers of before a reload take no new request, but may still be busy with one.
  TRY(admin_.old_workers());
  return !plan.busy && !plan.full && !busy_elsewhere(entry.backend, targets);
}

}  // namespace qleet::route
