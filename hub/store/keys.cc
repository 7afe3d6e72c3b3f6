#include "hub/store/keys.h"

#include <initializer_list>

namespace qleet::hub::keys {
namespace {

std::string hex(std::uint64_t number, int digits) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(digits, '0');
  for (int i = digits - 1; i >= 0; --i, number >>= 4) text[i] = kDigits[number & 0xf];
  return text;
}

std::string join_segments(std::initializer_list<std::string_view> parts) {
  size_t size = parts.size();
  for (auto part : parts) size += part.size();
  std::string key;
  key.reserve(size);
  for (auto part : parts) {
    if (!key.empty()) key += '/';
    key += part;
  }
  return key;
}

}  // namespace

std::string hex16(std::uint64_t number) { return hex(number, 16); }
std::string hex8(std::uint32_t number) { return hex(number, 8); }

std::string base64url(std::string_view bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t bits = 0;
  int pending = 0;
  for (unsigned char byte : bytes) {
    bits = (bits << 8) | byte;
    pending += 8;
    while (pending >= 6) {
      pending -= 6;
      text += kAlphabet[(bits >> pending) & 0x3f];
    }
  }
  if (pending > 0) text += kAlphabet[(bits << (6 - pending)) & 0x3f];
  return text;
}

std::vector<std::string_view> segments(std::string_view key) {
  std::vector<std::string_view> parts;
  for (;;) {
    size_t slash = key.find('/');
    parts.push_back(key.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    key.remove_prefix(slash + 1);
  }
}

std::string_view last(std::string_view key) { return key.substr(key.rfind('/') + 1); }

std::string below(std::string_view root, std::string_view segment) {
  return join_segments({root, segment, ""});
}

std::string object(std::string_view plural, std::string_view name) {
  return join_segments({"o", plural, name});
}
std::string offer(std::string_view environment, std::string_view id, std::string_view app) {
  return join_segments({"x/offer", environment, id, app});
}
std::string app_env(std::string_view environment, std::string_view app) {
  return join_segments({"x/app-env", environment, app});
}
std::string image(std::string_view repository, std::string_view app) {
  return join_segments({"x/image", base64url(repository), app});
}
std::string type(std::string_view type, std::string_view deployment) {
  return join_segments({"x/type", type, deployment});
}
std::string waits(std::string_view resource, std::string_view deployment) {
  return join_segments({"x/waits", resource, deployment});
}

std::string waits_of(std::string_view deployment) { return join_segments({"x/waits-of", deployment}); }

std::string types(std::string_view deployment) { return join_segments({"x/types", deployment}); }
std::string secret_id(std::string_view id, std::string_view secret) {
  return join_segments({"x/secret-id", id, secret});
}
std::string secret_ask(std::string_view id, std::string_view deployment) {
  return join_segments({"x/secret-ask", id, deployment});
}
std::string secret_asks(std::string_view deployment) { return join_segments({"x/secret-asks", deployment}); }
std::string secret_use(std::string_view secret, std::string_view resource) {
  return join_segments({"x/secret-use", secret, resource});
}
std::string profile_type(std::string_view type, std::string_view profile) {
  return join_segments({"x/profile-type", type, profile});
}
std::string region_dep(std::string_view region, std::string_view deployment) {
  return join_segments({"x/region-dep", region, deployment});
}
std::string ref(std::string_view resource, std::string_view user) {
  return join_segments({"x/ref", resource, user});
}
std::string uses(std::string_view user, std::string_view resource) {
  return join_segments({"x/uses", user, resource});
}
std::string taken(std::string_view user, std::string_view type, std::string_view alias) {
  return join_segments({"x/taken", user, type, alias});
}
std::string takers(std::string_view resource) { return join_segments({"x/takers", resource}); }
std::string by_id(std::string_view resource) { return join_segments({"x/by-id", resource}); }
std::string host(std::string_view digest, std::string_view route) {
  return join_segments({"x/host", digest, route});
}
std::string region_pos(std::string_view region, std::uint64_t revision, std::string_view resource) {
  return join_segments({"x/region-pos", region, hex16(revision), resource});
}
std::string region_at(std::string_view resource) { return join_segments({"x/region-at", resource}); }
std::string pending(std::string_view deployment) { return join_segments({"x/pending", deployment}); }
std::string unused(std::uint64_t due_ms, std::string_view resource) {
  return join_segments({"x/unused", hex16(due_ms), resource});
}
std::string profile_rev(std::string_view profile, std::uint32_t generation) {
  return join_segments({"x/profile-rev", profile, hex8(generation)});
}
std::string token(std::string_view sha256_hex) { return join_segments({"x/token", sha256_hex}); }
std::string certified(std::string_view agent) { return join_segments({"x/certified", agent}); }
std::string join(std::string_view sha256_hex) { return join_segments({"x/join", sha256_hex}); }
std::string idem(std::string_view subject, std::string_view key_sha256_hex) {
  return join_segments({"x/idem", subject, key_sha256_hex});
}
std::string idem_body(std::string_view subject, std::string_view key_sha256_hex) {
  return join_segments({"x/idem-body", subject, key_sha256_hex});
}
std::string idem_due(std::uint64_t due_ms, std::string_view subject, std::string_view key_sha256_hex) {
  return join_segments({"x/idem-due", hex16(due_ms), subject, key_sha256_hex});
}
std::string event_of(std::string_view plural, std::string_view name, std::string_view event) {
  return join_segments({"x/event-of", plural, name, event});
}
std::string counter(std::string_view name) { return join_segments({"c", name}); }
std::string meta(std::string_view name) { return join_segments({"m", name}); }

}  // namespace qleet::hub::keys
