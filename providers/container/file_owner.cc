#include "providers/container/file_owner.h"

#include <charconv>

namespace qleet::container {

namespace {

constexpr const char* kUsers = "/etc/passwd";
constexpr const char* kGroups = "/etc/group";

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

// Field `index` of a line "a:b:c".
std::string_view part(std::string_view line, unsigned index) {
  for (; index > 0; --index) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return {};
    line.remove_prefix(colon + 1);
  }
  return line.substr(0, line.find(':'));
}

// The line of that name in a file such as /etc/passwd.
std::string_view line_of(std::string_view file, std::string_view name) {
  while (!file.empty()) {
    const auto line = file.substr(0, file.find('\n'));
    if (part(line, 0) == name) return line;
    file.remove_prefix(std::min(line.size() + 1, file.size()));
  }
  return {};
}

}  // namespace

Result<std::optional<Owner>> find_owner(
    std::string_view user, const std::function<Result<std::string>(std::string_view path)>& read) {
  Owner owner;
  const std::string_view name = part(user, 0);
  const std::string_view group = part(user, 1);
  if (const auto id = number(name)) {
    owner.user = *id;
  } else if (!name.empty() && name != "root") {
    const std::string users = TRY(read(kUsers));
    const auto line = line_of(users, name);
    const auto found = number(part(line, 2));
    if (!found) return std::nullopt;
    owner = {.user = *found, .group = number(part(line, 3)).value_or(0)};
  }
  if (group.empty()) return std::optional(owner);
  if (const auto id = number(group)) {
    owner.group = *id;
    return std::optional(owner);
  }
  const std::string groups = TRY(read(kGroups));
  const auto found = number(part(line_of(groups, group), 2));
  if (!found) return std::nullopt;
  owner.group = *found;
  return std::optional(owner);
}

Result<std::optional<Owner>> owner_of(containers::Client& client, const std::string& container) {
  const auto details = TRY(client.inspect(container));
  return find_owner(details.user, [&](std::string_view path) -> Result<std::string> {
    auto file = client.read_file(container, path);
    // An image without such a file knows no names.
    if (!file && file.error().code == Code::kNotFound) return std::string();
    return file;
  });
}

}  // namespace qleet::container
