#include "providers/container/context.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include "common/crypto/private_file.h"
#include "common/template/template.h"
#include "providers/container/names.h"

namespace qleet::container {

namespace {

constexpr std::size_t kKeyBytes = 32;

// Made where there is none, and nowhere else: with another key every container would be another than the
// wanted one, and be replaced.
Result<std::string> load_or_make_key(const std::filesystem::path& file) {
  auto key = crypto::read_private_file(file);
  if (!key && key.error().code == Code::kNotFound) {
    std::string fresh(kKeyBytes, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(fresh.data()), static_cast<int>(fresh.size())) != 1)
      return fail(Code::kInternal, "no random bytes");
    const auto made = crypto::create_private_file(file, fresh);
    if (!made && made.error().code != Code::kExists) return std::unexpected(made.error());
    key = crypto::read_private_file(file);
  }
  if (!key) return std::unexpected(Error{Code::kUnavailable, key.error().message, {}});
  if (key->size() != kKeyBytes)
    return fail(
        Code::kUnavailable,
        fmt::format("{}: has {} bytes instead of {}: it is damaged; restore it from a backup of the agent, "
                    "or remove it: everything that runs in containers is then replaced once",
                    file.string(), key->size(), kKeyBytes));
  return *std::move(key);
}

}  // namespace

Context::Context(Options options, const Clock& clock)
    : Host({.socket = options.socket,
            .registry_auth = options.registry_auth,
            .timed_out = options.timed_out,
            .call_ended = options.call_ended}),
      clock_(clock),
      key_file_(options.state / kRevisionKey),
      places_(std::filesystem::absolute(options.state) / "places"),
      mounts_(options.state / "mounts"),
      restarts_(clock),
      prober_([this](const ProbeTarget& t) { return probe(client(), t.check, t.address, t.container); },
              [this](const std::string& resource) { notifier().notify(resource); }) {}

Result<std::string> Context::revision_of(const ProviderResource& resource) {
  return revision_of(resource.template_);
}

Result<std::string> Context::revision_of(google::protobuf::Struct made_of) {
  const MutexLock lock(key_mutex_);
  if (key_.empty()) key_ = TRY(load_or_make_key(key_file_));
  for (const char* other : {"replicas", "drain", "stopGrace", "startWithin", "update"})
    made_of.mutable_fields()->erase(other);
  return short_hash(key_ + templates::canonical(made_of));
}

Result<> Context::hand_over_files(const std::string& container, const std::string& key,
                                  const std::string& part, const ProcessSpec& process) {
  if (process.files.empty()) return {};
  const auto owner = TRY(owner_of(client(), container));
  return owner ? mounts_.hand_over(key, part, process, *owner) : Result<>();
}

bool LookUps::done(const std::string& resource, const std::string& round) const {
  const MutexLock lock(mutex_);
  const auto found = rounds_.find(resource);
  return found != rounds_.end() && found->second.contains(round);
}

void LookUps::note(const std::string& resource, const std::string& round) {
  const MutexLock lock(mutex_);
  rounds_[resource].insert(round);
}

void LookUps::forget(const std::string& resource) {
  const MutexLock lock(mutex_);
  rounds_.erase(resource);
}

}  // namespace qleet::container
