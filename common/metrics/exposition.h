// Prometheus' text format 0.0.4, written.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/metrics/histogram.h"

namespace qleet::metrics {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Families are written one after another; all samples of one follow its head.
class Exposition {
 public:
  // Begins a family: "gauge", "counter" or "histogram".
  void family(std::string_view name, std::string_view type, std::string_view help);
  // Of the family begun last.
  void sample(double value, const Labels& labels = {});
  void sample(const Histogram& histogram, const Labels& labels = {});

  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, const Labels& labels, double value);

  std::string name_;
  std::string text_;
};

}  // namespace qleet::metrics
