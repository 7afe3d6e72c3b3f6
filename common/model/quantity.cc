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

}  // namespace

Result<std::uint64_t> parse_memory(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    std::uint64_t factor;
  };
  static constexpr std::array<Unit, 9> kUnits = {{{"Ki", 1ULL << 10},
                                                  {"Mi", 1ULL << 20},
                                                  {"Gi", 1ULL << 30},
                                                  {"Ti", 1ULL << 40},
                                                  {"K", 1'000},
                                                  {"M", 1'000'000},
                                                  {"G", 1'000'000'000},
                                                  {"T", 1'000'000'000'000},
                                                  {"", 1}}};
  const auto& unit = *std::ranges::find_if(kUnits, [&](const Unit& u) { return text.ends_with(u.suffix); });
  const auto digits = text.substr(0, text.size() - unit.suffix.size());
  std::uint64_t number = 0;
  if (digits.empty() || digits[0] == '0' || !to_number(digits, number) ||
      number > std::numeric_limits<std::int64_t>::max() / unit.factor) {
    return fail(Code::kInvalid,
                fmt::format("\"{}\" is not an amount of memory; write for example 512M or 1Gi", text));
  }
  return number * unit.factor;
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
    auto fraction = text.substr(dot + 1);
    if (fraction.empty() || !all_digits(fraction)) return wrong();
    // Finer than a thousandth means nothing to any platform.
    if (fraction.find_last_not_of('0') != std::string_view::npos && fraction.find_last_not_of('0') >= 3)
      return wrong();
    std::string three(fraction.substr(0, 3));
    three.resize(3, '0');
    to_number(three, thousandths);
  }
  return static_cast<std::uint32_t>(whole * 1000 + thousandths);
}

}  // namespace qleet::model
