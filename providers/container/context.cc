#include "providers/container/context.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "common/template/template.h"
#include "providers/container/names.h"

namespace qleet::container {

namespace {

constexpr std::size_t kKeyBytes = 32;

Result<std::string> load_or_make_key(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string key((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (key.size() == kKeyBytes) return key;
  key.resize(kKeyBytes);
  if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size())) != 1) {
    return fail(Code::kInternal, "no random bytes");
  }
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool written = fd >= 0 && ::write(fd, key.data(), key.size()) == static_cast<ssize_t>(key.size());
  if (fd >= 0) ::close(fd);
  if (!written) return fail(Code::kUnavailable, fmt::format("{}: cannot be written", file.string()));
  return key;
}

}  // namespace

Context::Context(Options options, const Clock& clock)
    : Host({.socket = options.socket, .registry_auth = options.registry_auth}),
      clock_(clock),
      key_file_(options.state / "revision.key"),
      mounts_(options.state / "mounts"),
      restarts_(clock),
      prober_([this](const ProbeTarget& t) { return probe(client(), t.check, t.address, t.container); },
              [this](const std::string& resource) { notifier().notify(resource); }) {}

Result<std::string> Context::revision_of(const ProviderResource& resource) {
  return revision_of(resource.template_);
}

Result<std::string> Context::revision_of(google::protobuf::Struct made_of) {
  const std::lock_guard lock(key_mutex_);
  if (key_.empty()) key_ = TRY(load_or_make_key(key_file_));
  for (const char* other : {"replicas", "drain", "stopGrace", "startWithin"})
    made_of.mutable_fields()->erase(other);
  return short_hash(key_ + templates::canonical(made_of));
}

bool LookUps::done(const std::string& resource, const std::string& round) const {
  const std::lock_guard lock(mutex_);
  const auto found = rounds_.find(resource);
  return found != rounds_.end() && found->second.contains(round);
}

void LookUps::note(const std::string& resource, const std::string& round) {
  const std::lock_guard lock(mutex_);
  rounds_[resource].insert(round);
}

void LookUps::forget(const std::string& resource) {
  const std::lock_guard lock(mutex_);
  rounds_.erase(resource);
}

}  // namespace qleet::container
