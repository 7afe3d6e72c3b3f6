// A journal's entries as they may lie on a damaged or foreign disk: read or refused, never guessed.
#include <algorithm>

#include "agent/engine/damage.h"
#include "agent/journal/codec.h"
#include "agent/journal/keys.h"
#include "hub/store/resource_sketch.h"
#include "qleet/v1/delivery.pb.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/temp_dir.h"

using namespace qleet;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const test::TempDir folder;
  static crypto::SeededRandom random(1);
  static const auto sealer = crypto::Sealer::open_or_create(folder.path() / "seal", random);
  fuzz::must(sealer.has_value(), "a sealer");
  std::string_view value = fuzz::text_of(data, size);
  const auto key = fuzz::take_until(value, '\n');
  agent::JournalContents contents;
  if (agent::decode(key, value, *sealer, contents)) {
    agent::JournalChanges changes;
    (void)agent::take_damage(contents, changes);
    const auto moved = [&](const std::string& name) {
      return std::ranges::any_of(contents.damaged,
                                 [&](const auto& entry) { return entry.belongs_to == name; });
    };
    for (const auto& [name, desired] : changes.desired)
      fuzz::must(!desired || moved(name) || agent::is_stub(*desired), "what is not known is kept as it is");
    for (const auto& [name, runtime] : changes.runtime)
      fuzz::must(!runtime || moved(name) || runtime->lost(), "a record that is lost says so");
    for (const auto& [name, desired] : contents.desired) changes.desired[name] = desired;
    for (const auto& [name, runtime] : contents.runtime) changes.runtime[name] = runtime;
    (void)agent::encode(changes, *sealer,
                        [](const std::string&, const std::string*) -> Result<> { return {}; });
  }
  (void)sealer->open(value, key);
  sealer->outdated(value);
  // The hub's half: fields of a stored resource, read without building it.
  const std::string bytes(value);
  qleet::v1::Resource resource;
  const auto sketch = hub::sketch(bytes);
  if (resource.ParseFromString(bytes) && !resource.metadata().name().empty()) {
    fuzz::must(sketch.has_value(), "what is a Resource can be sketched");
    fuzz::must(sketch->name == resource.metadata().name() && sketch->hash == resource.spec().hash() &&
                   sketch->generation == resource.metadata().generation() &&
                   sketch->deleted == resource.spec().deleted() && sketch->region == resource.spec().region(),
               "a sketch says what the resource says");
  }
  return 0;
}
