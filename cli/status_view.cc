#include "cli/status_view.h"

#include <algorithm>
#include <vector>

#include "cli/notices.h"

namespace qleet::cli {
namespace {

using Counts = google::protobuf::Map<std::string, uint32_t>;
using Notes = google::protobuf::RepeatedPtrField<v1::SystemNote>;

// "3 Ready, 1 Stalled": what is well first.
std::string counted(const Counts& counts, const std::string& well) {
  std::vector<std::pair<std::string, uint32_t>> sorted(counts.begin(), counts.end());
  std::ranges::sort(sorted, [&](const auto& a, const auto& b) {
    return std::pair(a.first != well, a.first) < std::pair(b.first != well, b.first);
  });
  std::string out;
  for (const auto& [state, count] : sorted)
    if (count > 0) out += (out.empty() ? "" : ", ") + std::to_string(count) + " " + state;
  return out.empty() ? "none" : out;
}

std::string notes_text(const Terminal& terminal, const std::string& title, const Notes& notes,
                       std::string_view mark, Colour colour, const std::string& advice = "To repair: ") {
  if (notes.empty()) return {};
  std::string out = "\n" + terminal.paint(title, Colour::kBold) + "\n";
  for (const auto& note : notes) {
    const std::string what = lower(note.kind()) + "/" + note.name();
    out += terminal.paint(mark, colour) + " " + one_line(what) +
           (note.state().empty() ? "" : "  " + terminal.paint(note.state(), colour)) + "\n";
    if (!note.message().empty()) out += "    " + one_line(note.message()) + "\n";
    if (!note.repair().empty()) out += "    " + advice + one_line(note.repair()) + "\n";
  }
  return out;
}

}  // namespace

std::string render_status(const Terminal& terminal, const v1::SystemStatus& status, const std::string& url) {
  const auto problems = status.problems_size();
  std::string out = status.well()
                        ? terminal.paint("everything is up", Colour::kGreen)
                        : terminal.paint(std::to_string(problems) +
                                             (problems == 1 ? " thing is not well" : " things are not well"),
                                         Colour::kRed);
  out += "\n\n";
  const auto line = [&](const std::string& name, const std::string& text) {
    out += pad(name, 15) + text + "\n";
  };
  std::string trouble;
  for (const auto& check : status.checks())
    if (!check.problem().empty()) trouble += "; " + check.name() + ": " + one_line(check.problem());
  line("hub", (trouble.empty() ? "ready" : "not ready") + std::string("  ") + status.version() + "  " + url +
                  trouble);
  line("regions",
       std::to_string(status.regions_served()) + " of " + std::to_string(status.regions()) + " served");
  line("agents", counted(status.agents(), "Connected"));
  line("applications", counted(status.applications(), "Ready"));
  out += notes_text(terminal, "Not well", status.problems(), "✖", Colour::kRed);
  out += notes_text(terminal, "Waiting", status.waiting(), "○", Colour::kYellow, "To go on: ");
  out += notes_text(terminal, "Warnings", status.warnings(), "!", Colour::kYellow);
  return out;
}

}  // namespace qleet::cli
