#include "providers/container/mounts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace qleet::container {

namespace fs = std::filesystem;

namespace {

constexpr unsigned kSecretMode = 0444;  // the container's user is often not root; the folder above is closed

const std::string kNote = "note-";

Result<> failed(const fs::path& path, int error) {
  return fail(error == ENOSPC || error == EDQUOT ? Code::kFull : Code::kUnavailable,
              fmt::format("{}: {}", path.string(), std::strerror(error)));
}

// Replaced whole by a rename: a container that starts at this moment reads the old or the new one.
Result<> write_file(const fs::path& path, std::string_view content, unsigned mode) {
  const fs::path next = path.string() + ".next";
  const int fd = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return failed(next, errno);
  int error = 0;
  while (!content.empty() && error == 0) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written > 0) {
      content.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (error == 0 && ::fchmod(fd, mode) != 0) error = errno;
  ::close(fd);
  if (error == 0 && ::rename(next.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) return failed(next, error);
  return {};
}

std::string file_name(int number) { return fmt::format("file{}", number); }

Result<> make_directory(const fs::path& path, unsigned mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return failed(path, errno);
  ::chmod(path.c_str(), mode);
  return {};
}

}  // namespace

Result<std::vector<std::string>> Mounts::write(const std::string& key, const std::string& part,
                                               const ProcessSpec& process) const {
  std::vector<std::string> binds;
  const bool secrets = !process.secrets.empty() && !process.secrets_as_env;
  if (!secrets && process.files.empty()) return binds;
  TRY(prepare(key));
  const fs::path home = fs::absolute(root_ / key / part);
  TRY(make_directory(home, 0755));
  if (secrets) {
    const fs::path folder = home / "secrets";
    TRY(make_directory(folder, 0755));
    for (const auto& [name, value] : process.secrets) TRY(write_file(folder / name, value, kSecretMode));
    binds.push_back(fmt::format("{}:/run/secrets:ro", folder.string()));
  }
  int number = 0;
  for (const auto& file : process.files) {
    const fs::path path = home / file_name(number++);
    TRY(write_file(path, file.content, file.mode));
    binds.push_back(fmt::format("{}:{}:ro", path.string(), file.target));
  }
  return binds;
}

Result<> Mounts::hand_over(const std::string& key, const std::string& part, const ProcessSpec& process,
                           const Owner& owner) const {
  for (int number = 0; number < static_cast<int>(process.files.size()); ++number) {
    const fs::path path = root_ / key / part / file_name(number);
    if (::chown(path.c_str(), owner.user, owner.group) != 0) return failed(path, errno);
    // A change of owner takes these bits away.
    const unsigned mode = process.files[static_cast<std::size_t>(number)].mode;
    if ((mode & 07000U) != 0 && ::chmod(path.c_str(), mode) != 0) return failed(path, errno);
  }
  return {};
}

Result<> Mounts::prepare(const std::string& key) const {
  std::error_code ignored;
  fs::create_directories(root_.parent_path(), ignored);
  TRY(make_directory(root_, 0700));
  return make_directory(root_ / key, 0755);
}

Result<> Mounts::write_note(const std::string& key, const std::string& name, std::string_view text) const {
  TRY(prepare(key));
  return write_file(root_ / key / (kNote + name), text, 0600);
}

std::string Mounts::read_note(const std::string& key, const std::string& name) const {
  std::ifstream in(root_ / key / (kNote + name), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Result<> Mounts::write_part_note(const std::string& key, const std::string& part, const std::string& name,
                                 std::string_view text) const {
  TRY(prepare(key));
  TRY(make_directory(root_ / key / part, 0755));
  return write_file(root_ / key / part / (kNote + name), text, 0600);
}

std::string Mounts::read_part_note(const std::string& key, const std::string& part,
                                   const std::string& name) const {
  std::ifstream in(root_ / key / part / (kNote + name), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void Mounts::keep_note(const std::string& key, const std::string& name) const {
  std::error_code ignored;
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(root_ / key, ignored)) {
    const std::string file = entry.path().filename();
    if (file.starts_with(kNote) && file != kNote + name) old.push_back(entry.path());
  }
  for (const auto& path : old) fs::remove(path, ignored);
}

Result<> Mounts::remove(const std::string& key, const std::string& part) const {
  std::error_code error;
  fs::remove_all(root_ / key / part, error);
  if (error) return failed(root_ / key / part, error.value());
  fs::remove(root_ / key, error);  // only when that was the last one
  return {};
}

bool Mounts::has(const std::string& key) const {
  std::error_code error;
  return fs::exists(root_ / key, error);
}

Result<> Mounts::remove_all(const std::string& key) const {
  std::error_code error;
  fs::remove_all(root_ / key, error);
  if (error) return failed(root_ / key, error.value());
  return {};
}

}  // namespace qleet::container
