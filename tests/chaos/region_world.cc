#include "tests/chaos/region_world.h"

#include <fmt/format.h>
#include <lmdb.h>

#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <utility>

#include "agent/journal/lmdb_journal.h"
#include "common/crypto/sealed.h"
#include "providers/noop/world.h"
#include "tests/support/temp_dir.h"

namespace qleet::chaos {

namespace fs = std::filesystem;

namespace {

void copy_environment(const fs::path& from, const fs::path& to) {
  MDB_env* raw = nullptr;
  if (mdb_env_create(&raw) != 0) throw std::runtime_error("no LMDB environment");
  const std::unique_ptr<MDB_env, decltype(&mdb_env_close)> env(raw, &mdb_env_close);
  mdb_env_set_maxdbs(raw, 8);
  int failed = mdb_env_open(raw, from.c_str(), MDB_RDONLY, 0600);
  if (failed == 0) failed = mdb_env_copy(raw, to.c_str());
  if (failed != 0) throw std::runtime_error(fmt::format("{}: {}", from.string(), mdb_strerror(failed)));
}

}  // namespace

std::map<std::string, std::string> noop_world(const fs::path& file) {
  std::map<std::string, std::string> out;
  const auto world = noop::World::in_file(file);
  if (!world) throw std::runtime_error(world.error().message);
  for (const auto& thing : (*world)->things()) {
    const auto shown = thing.self.find("shown");
    out[thing.name] = shown == thing.self.end() ? "" : shown->second;
  }
  return out;
}

std::vector<Deed> noop_deeds(const fs::path& file) {
  std::vector<Deed> out;
  std::map<std::string, std::pair<size_t, long>> made;  // where in `out`, and the how manieth change it is
  std::ifstream in(file.string() + ".history");
  for (std::string line; std::getline(in, line);) {
    const auto deed = test::Json::parse(line);
    if (deed.null()) throw std::runtime_error("unreadable line in the history of " + file.string());
    // A removal that takes its time has begun, and may be taken back only by making it anew.
    Deed told{.gone = deed["event"].str() == "gone" || deed["absentAt"].number() > 0,
              .name = deed["name"].str(),
              .generation = deed["generation"].number(),
              .hash = deed["hash"].str(),
              .shown = deed["self.shown"].str()};
    const auto changes = deed["changes"].number();
    const auto before = made.find(told.name);
    if (told.gone) {
      made.erase(told.name);
    } else if (before != made.end() && before->second.second == changes) {
      // The agent was killed between writing it down and doing it.
      out[before->second.first] = std::move(told);
      continue;
    } else {
      made[told.name] = {out.size(), changes};
    }
    out.push_back(std::move(told));
  }
  return out;
}

std::vector<std::string> journal_names(const fs::path& agent_state) {
  const test::TempDir copy;
  copy_environment(agent_state / "journal", copy.path());
  crypto::SystemRandom random;
  const auto sealer = crypto::Sealer::open_or_create(agent_state / "identity/journal.key", random);
  if (!sealer) throw std::runtime_error(sealer.error().message);
  const auto journal = agent::LmdbJournal::open({.folder = copy.path().string()}, *sealer);
  if (!journal) throw std::runtime_error(journal.error().message);
  const auto contents = (*journal)->load();
  if (!contents) throw std::runtime_error(contents.error().message);
  std::set<std::string> names;
  for (const auto& [name, _] : contents->desired) names.insert(name);
  for (const auto& [name, _] : contents->runtime) names.insert(name);
  return {names.begin(), names.end()};
}

}  // namespace qleet::chaos
