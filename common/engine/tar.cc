#include "common/engine/tar.h"

#include <charconv>

namespace qleet::containers {

namespace {

constexpr std::size_t kBlock = 512;

// A field of a header, up to its first NUL.
std::string_view field(std::string_view header, std::size_t at, std::size_t size) {
  const auto text = header.substr(at, size);
  return text.substr(0, text.find('\0'));
}

std::optional<std::size_t> octal(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  std::size_t out = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), out, 8);
  return read.ec == std::errc() ? std::optional(out) : std::nullopt;
}

}  // namespace

std::optional<PackedFile> first_file(std::string_view tar) {
  while (tar.size() >= kBlock) {
    const auto header = tar.substr(0, kBlock);
    const auto size = octal(field(header, 124, 12));
    if (!size || *size > tar.size() - kBlock) return std::nullopt;
    const char type = header[156];
    if (type == '0' || type == '\0') return PackedFile{.content = std::string(tar.substr(kBlock, *size))};
    if (type == '2') return PackedFile{.links_to = std::string(field(header, 157, 100))};
    // A folder, or what is said in front of an entry.
    const std::size_t padded = (*size + kBlock - 1) / kBlock * kBlock;
    if (padded > tar.size() - kBlock) return std::nullopt;
    tar.remove_prefix(kBlock + padded);
  }
  return std::nullopt;
}

}  // namespace qleet::containers
