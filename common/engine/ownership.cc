#include "common/engine/ownership.h"

#include <fmt/format.h>
#include <openssl/sha.h>

namespace qleet::containers {

namespace {

constexpr std::size_t kReadable = 44;  // with prefix and hash no longer than a DNS label

std::string readable(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
    if (out.size() == kReadable) break;
  }
  while (out.ends_with('-')) out.pop_back();
  return out;
}

}  // namespace

std::string short_hash(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string out;
  for (int i = 0; i < 5; ++i) out += fmt::format("{:02x}", digest[i]);
  return out;
}

std::string base_name(std::string_view owner, std::string_view resource) {
  return fmt::format("qleet-{}-{}", readable(resource), short_hash(fmt::format("{}\n{}", owner, resource)));
}

std::string network_name(std::string_view owner) { return "qleet-" + short_hash(owner); }

std::string label(const Labels& found, const char* name) {
  const auto it = found.find(name);
  return it == found.end() ? std::string() : it->second;
}

}  // namespace qleet::containers
