// What happened in a history: as one number always, as lines for people where they are wanted.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock/clock.h"

namespace qleet::sim {

class Trace {
 public:
  // `clock` must outlive it.
  Trace(const Clock& clock, bool print) : clock_(clock), print_(print) {}

  // Everything that is noted counts for the hash; the order of notes, their times and their words.
  template <class... Parts>
  void note(std::string_view what, const Parts&... parts) {
    mix(static_cast<std::uint64_t>(clock_.mono().time_since_epoch().count()));
    mix(what);
    (mix_part(parts), ...);
    if (!print_) return;
    std::string line = fmt::format(
        "{:>10.3f} {}", static_cast<double>(clock_.mono().time_since_epoch().count()) / 1000, what);
    ((line += fmt::format(" {}", parts)), ...);
    fmt::print("{}\n", line);
  }

  std::uint64_t hash() const { return hash_; }
  bool prints() const { return print_; }

 private:
  template <class Part>
  void mix_part(const Part& part) {
    if constexpr (std::is_integral_v<Part>)
      mix(static_cast<std::uint64_t>(part));
    else
      mix(std::string_view(part));
  }
  void mix(std::string_view text) {
    for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    mix(text.size());
  }
  void mix(std::uint64_t number) { hash_ = (hash_ ^ number) * 0x100000001b3ULL ^ (hash_ >> 29); }

  const Clock& clock_;
  const bool print_;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace qleet::sim
