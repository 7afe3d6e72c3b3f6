#include "common/metrics/exposition.h"

#include <fmt/format.h>

namespace qleet::metrics {
namespace {

std::string escaped(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || (quotes && c == '"')) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(help, false), name, type);
}

void Exposition::sample(double value, const Labels& labels) { line("", labels, value); }

void Exposition::sample(const Histogram& histogram, const Labels& labels) {
  const auto value = histogram.value();
  std::uint64_t count = 0;
  for (size_t i = 0; i < value.counts.size(); ++i) {
    count += value.counts[i];
    Labels with = labels;
    with.emplace_back("le",
                      i < histogram.bounds().size() ? fmt::format("{}", histogram.bounds()[i]) : "+Inf");
    line("_bucket", with, static_cast<double>(count));
  }
  line("_sum", labels, value.sum);
  line("_count", labels, static_cast<double>(count));
}

void Exposition::line(std::string_view suffix, const Labels& labels, double value) {
  std::string inside;
  for (const auto& [name, text] : labels)
    inside += fmt::format("{}{}=\"{}\"", inside.empty() ? "" : ",", name, escaped(text, true));
  text_ += fmt::format("{}{}{} {}\n", name_, suffix, inside.empty() ? "" : "{" + inside + "}", value);
}

}  // namespace qleet::metrics
