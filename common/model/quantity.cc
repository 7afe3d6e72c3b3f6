#include "common/model/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <limits>

namespace qleet::model {
namespace {

bool all_digits(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// False when `text` holds anything but digits, or too many.
bool to_number(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size();
}

__extension__ using Wide = unsigned __int128;

// units.fraction x factor, rounded up; digits beyond the 18th change nothing that can be told.
Wide times(std::uint64_t units, std::string_view fraction, std::uint64_t factor) {
  Wide bytes = static_cast<Wide>(units) * factor;
  Wide part = 0;
  Wide scale = 1;
  for (const char digit : fraction.substr(0, 18)) {
    part = part * 10 + static_cast<unsigned>(digit - '0');
    scale *= 10;
  }
  bytes += (part * factor + scale - 1) / scale;
  return bytes;
}

}  // namespace

Result<std::uint64_t> parse_memory(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    std::uint64_t factor;
  };
  static constexpr std::array<Unit, 13> kUnits = {{{"Ki", 1ULL << 10},
                                                   {"Mi", 1ULL << 20},
                                                   {"Gi", 1ULL << 30},
                                                   {"Ti", 1ULL << 40},
                                                   {"Pi", 1ULL << 50},
                                                   {"Ei", 1ULL << 60},
                                                   {"K", 1'000},
                                                   {"M", 1'000'000},
                                                   {"G", 1'000'000'000},
                                                   {"T", 1'000'000'000'000},
                                                   {"P", 1'000'000'000'000'000},
                                                   {"E", 1'000'000'000'000'000'000},
                                                   {"", 1}}};
  const auto& unit = *std::ranges::find_if(kUnits, [&](const Unit& u) { return text.ends_with(u.suffix); });
  const auto number = text.substr(0, text.size() - unit.suffix.size());
  const auto dot = number.find('.');
  const auto whole = number.substr(0, dot);
  const auto fraction = dot == std::string_view::npos ? std::string_view() : number.substr(dot + 1);
  const bool leading_zero = whole.starts_with('0') && (whole.size() > 1 || dot == std::string_view::npos);
  std::uint64_t units = 0;
  const bool good = !leading_zero && to_number(whole, units) && all_digits(fraction) &&
                    (dot == std::string_view::npos || !fraction.empty());
  const auto bytes = good ? times(units, fraction, unit.factor) : 0;
  if (bytes == 0 || bytes > std::numeric_limits<std::int64_t>::max()) {
    return fail(Code::kInvalid,
                fmt::format("\"{}\" is not an amount of memory; write for example 512M or 1.5Gi", text));
  }
  return static_cast<std::uint64_t>(bytes);
}

Result<std::uint32_t> parse_cpu(std::string_view text) {
  const auto wrong = [&] {
    return fail(Code::kInvalid,
                fmt::format("\"{}\" is not an amount of CPU; write for example 2, 0.5 or 250m", text));
  };
  constexpr std::uint64_t kMostCpus = 100'000;
  std::uint64_t whole = 0;
  if (text.ends_with('m')) {
    if (!to_number(text.substr(0, text.size() - 1), whole) || whole > kMostCpus * 1000) return wrong();
    return static_cast<std::uint32_t>(whole);
  }
  const auto dot = text.find('.');
  const auto digits = text.substr(0, dot);
  if (digits.empty() ? dot == std::string_view::npos : !to_number(digits, whole)) return wrong();
  if (whole > kMostCpus) return wrong();
  std::uint64_t thousandths = 0;
  if (dot != std::string_view::npos) {
    const auto fraction = text.substr(dot + 1);
    if (fraction.empty() || !all_digits(fraction)) return wrong();
    std::string three(fraction.substr(0, 3));
    three.resize(3, '0');
    to_number(three, thousandths);
    // Finer than a thousandth means nothing to any platform.
    if (fraction.find_first_not_of('0', 3) != std::string_view::npos) ++thousandths;
  }
  return static_cast<std::uint32_t>(whole * 1000 + thousandths);
}

}  // namespace qleet::model
