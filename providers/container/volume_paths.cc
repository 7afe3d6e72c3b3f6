#include "providers/container/volume_paths.h"

#include <fmt/format.h>

#include <filesystem>

#include "common/model/reasons.h"

namespace qleet::container {

namespace {

namespace fs = std::filesystem;

struct Wanted {
  fs::path root;  // of the volume, on the host
  fs::path place;
  const MountSpec* mount;
};

fs::path folder_of(Context& context, const std::string& key, const std::string& part) {
  return context.places() / key / part;
}

// What is mounted here an engine sees only where it lives in the same mounts.
Result<> check_same_mounts(Context& context) {
  std::error_code error;
  const auto ours = fs::read_symlink("/proc/self/ns/mnt", error);
  const auto theirs = fs::read_symlink(fmt::format("/proc/{}/ns/mnt", context.client().service_pid()), error);
  if (!error && ours == theirs) return {};
  return fail(
      Code::kInvalid, reasons::kInvalidTemplate,
      "a path in a volume can only be mounted where the agent sees the same file systems as the container "
      "engine: run the agent on the host itself, or mount the whole volume");
}

Result<std::vector<Wanted>> wanted(Context& context, const std::string& key, const std::string& part,
                                   const ProcessSpec& process) {
  std::vector<Wanted> out;
  for (const auto& mount : process.volumes) {
    if (mount.path.empty()) continue;
    if (out.empty()) TRY(check_same_mounts(context));
    const auto volume = TRY(context.client().inspect_volume(mount.volume));
    out.push_back({volume.mountpoint, folder_of(context, key, part) / std::to_string(out.size()), &mount});
  }
  return out;
}

}  // namespace

Result<std::vector<Placement::Mount>> prepare_paths(Context& context, const std::string& key,
                                                    const std::string& part, const ProcessSpec& process) {
  std::vector<Placement::Mount> mounts;
  for (const auto& one : TRY(wanted(context, key, part, process))) {
    TRY(prepare_place(one.place));
    mounts.push_back({one.place.string(), one.mount->target, one.mount->read_only});
  }
  return mounts;
}

Result<std::vector<ShownPath>> show_paths(Context& context, const std::string& key, const std::string& part,
                                          const ProcessSpec& process) {
  std::vector<ShownPath> shown;
  for (const auto& one : TRY(wanted(context, key, part, process)))
    shown.push_back(TRY(ShownPath::show(one.root, one.mount->path, one.place)));
  return shown;
}

void clear_paths(Context& context, const std::string& key, const std::string& part) {
  const auto folder = folder_of(context, key, part);
  std::error_code error;
  for (const auto& place : fs::directory_iterator(folder, error)) clear_place(place.path());
  fs::remove(folder, error);
  fs::remove(context.places() / key, error);  // only when that was the last one
}

void clear_all_paths(Context& context, const std::string& key) {
  std::error_code error;
  std::vector<std::string> parts;
  for (const auto& part : fs::directory_iterator(context.places() / key, error))
    parts.push_back(part.path().filename());
  for (const auto& part : parts) clear_paths(context, key, part);
}

}  // namespace qleet::container
