// Inputs of the targets that send messages: pieces, each a byte that says what it is, two that say how long,
// and that many bytes.
#pragma once

#include <algorithm>
#include <functional>
#include <string_view>

namespace qleet::fuzz {

inline void for_each_message(std::string_view input,
                             const std::function<void(unsigned char, std::string_view)>& take) {
  while (input.size() >= 3) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(input[i]); };
    const unsigned char what = byte(0);
    const std::size_t length = std::min<std::size_t>(byte(1) << 8U | byte(2), input.size() - 3);
    take(what, input.substr(3, length));
    input.remove_prefix(3 + length);
  }
}

}  // namespace qleet::fuzz
