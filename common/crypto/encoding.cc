#include "common/crypto/encoding.h"

#include <cstdint>

namespace qleet::crypto {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// Both alphabets are powers of two: `bits` per character.
std::string encode_bits(std::string_view bytes, std::string_view alphabet, unsigned bits) {
  std::string out;
  std::uint32_t buffer = 0;
  unsigned held = 0;
  for (const unsigned char c : bytes) {
    buffer = (buffer << 8U) | c;
    held += 8;
    while (held >= bits) {
      held -= bits;
      out += alphabet[(buffer >> held) & ((1U << bits) - 1)];
    }
    buffer &= (1U << held) - 1;
  }
  if (held > 0) out += alphabet[(buffer << (bits - held)) & ((1U << bits) - 1)];
  return out;
}

std::optional<std::string> decode_bits(std::string_view text, std::string_view alphabet, unsigned bits) {
  std::string out;
  std::uint32_t buffer = 0;
  unsigned held = 0;
  for (const char c : text) {
    const auto value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    buffer = (buffer << bits) | static_cast<std::uint32_t>(value);
    held += bits;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>((buffer >> held) & 0xffU);
      buffer &= (1U << held) - 1;
    }
  }
  // A whole character too many, or bits that no encoder leaves.
  if (held >= bits || buffer != 0) return std::nullopt;
  return out;
}

}  // namespace

std::string hex(std::string_view bytes) { return encode_bits(bytes, kHex, 4); }

std::optional<std::string> unhex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return decode_bits(lower, kHex, 4);
}

std::string base64url(std::string_view bytes) { return encode_bits(bytes, kBase64, 6); }
std::optional<std::string> unbase64url(std::string_view text) { return decode_bits(text, kBase64, 6); }
std::string base32(std::string_view bytes) { return encode_bits(bytes, kBase32, 5); }
std::optional<std::string> unbase32(std::string_view text) { return decode_bits(text, kBase32, 5); }

}  // namespace qleet::crypto
