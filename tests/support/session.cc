#include "tests/support/session.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "tests/support/terminal_run.h"

namespace qleet::test {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds kUntilLimit{90};
constexpr std::string_view kNoNewline = "[no newline at the end]";
constexpr std::string_view kCtrlC = "\x03";
constexpr std::string_view kNeverShown("\0", 1);
constexpr std::chrono::milliseconds kDrawn{200};

const std::vector<std::pair<std::string_view, SessionStep::On>> kPrompts = {
    {"$ ", SessionStep::On::kPipe},
    {"tty$ ", SessionStep::On::kScreen},
    {"colours$ ", SessionStep::On::kColours}};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string content(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error(file.string() + ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

// --- the file ----------------------------------------------------------------------------------------

class Reader {
 public:
  SessionFile read(const std::string& text) {
    for (const auto& line : lines_of(text)) {
      ++number_;
      if (!take(line))
        throw std::runtime_error("line " + std::to_string(number_) + ": \"" + line +
                                 "\" is none of what a session has");
    }
    SessionFile file{.steps = std::move(steps_), .last_remarks = std::move(next_.remarks)};
    return file;
  }

 private:
  bool take(const std::string& line) {
    if (line.empty() || line.starts_with('#')) {
      next_.remarks.push_back(line);
      return true;
    }
    if (line.starts_with('(')) return directive(line);
    for (const auto& [prompt, on] : kPrompts) {
      if (!line.starts_with(prompt)) continue;
      next_.on = on;
      next_.command = line.substr(prompt.size());
      next_.line = number_;
      steps_.push_back(std::exchange(next_, {}));
      return true;
    }
    if (steps_.empty() || !next_.remarks.empty()) return false;
    auto& step = steps_.back();
    if (line == ">" || line.starts_with("> ")) {
      step.command += "\n" + line.substr(std::min<size_t>(2, line.size()));
    } else if (line == "|" || line.starts_with("| ")) {
      step.shown += line.substr(std::min<size_t>(2, line.size())) + "\n";
    } else if (line == kNoNewline && step.shown.ends_with('\n')) {
      step.shown.pop_back();
    } else if (std::smatch number; std::regex_match(line, number, std::regex(R"(\[exit (\d+)\])"))) {
      step.exit = std::stoi(number[1]);
    } else {
      return false;
    }
    return true;
  }

  bool directive(const std::string& line) {
    std::smatch words;
    if (std::regex_match(line, words, std::regex(R"re(\(until it shows "(.*)"\))re"))) {
      next_.until = words[1];
    } else if (std::regex_match(line, words, std::regex(R"re(\(at "(.*)" type "(.*)"\))re"))) {
      next_.keys.emplace_back(words[1], words[2].str() + "\n");
    } else if (std::regex_match(line, words, std::regex(R"re(\(at "(.*)" press Ctrl-C\))re"))) {
      next_.keys.emplace_back(words[1], kCtrlC);
    } else {
      return false;
    }
    return true;
  }

  size_t number_ = 0;
  std::vector<SessionStep> steps_;
  SessionStep next_;
};

std::string_view prompt_of(SessionStep::On on) {
  for (const auto& [prompt, which] : kPrompts)
    if (which == on) return prompt;
  return {};
}

std::string with_mark(const std::string& text, const std::string& mark) {
  std::string out;
  for (const auto& line : lines_of(text)) out += mark + (line.empty() ? "" : " " + line) + "\n";
  return out;
}

// --- running -----------------------------------------------------------------------------------------

struct Shown {
  std::string text;
  int exit = 0;
};

std::vector<std::string> shell(const SessionStep& step, const fs::path& folder) {
  const std::string before = "cd '" + folder.string() + "'; ";
  return {"/bin/bash", "--norc",
          "-o",        "pipefail",
          "-c",        before + (step.on == SessionStep::On::kPipe ? "exec 2>&1; " : "") + step.command};
}

std::string as_sent(const std::string& bytes) {
  std::string out;
  for (const char c : bytes) {
    if (c == '\x1b') out += "^[";
    if (c != '\x1b' && c != '\r') out += c;
  }
  return out;
}

Shown on_terminal(const SessionStep& step, const SessionSetting& setting) {
  TerminalRun ran(shell(step, setting.folder), {.environment = setting.environment});
  for (const auto& [at, keys] : step.keys) {
    if (!ran.wait_for(at, std::chrono::seconds(60)))
      return {"(\"" + at + "\" is never shown)\n" + ran.text(), ran.wait(std::chrono::seconds(1))};
    // What it is at just now is drawn to its end before somebody presses Ctrl-C.
    if (keys == kCtrlC) (void)ran.wait_for(kNeverShown, kDrawn);
    ran.type(keys);
  }
  const int exit = ran.wait(setting.limit);
  if (step.on == SessionStep::On::kColours) return {as_sent(ran.bytes()), exit};
  const auto screen = ran.screen();
  std::string text;
  for (const auto& row : screen.scrollback()) text += row + "\n";
  return {text + screen.text(), exit};
}

Shown run_step(const SessionStep& step, const SessionSetting& setting) {
  if (step.on != SessionStep::On::kPipe) return on_terminal(step, setting);
  const auto ran = run(shell(step, setting.folder), setting.environment, "", setting.limit);
  return {ran.out + ran.err, ran.exit};
}

Shown shown_at_last(const SessionStep& step, const SessionSetting& setting) {
  Shown shown;
  until(
      [&] {
        shown = run_step(step, setting);
        return step.until.empty() || shown.text.contains(step.until);
      },
      kUntilLimit);
  return shown;
}

// The first line that differs.
std::string difference(const std::string& expected, const std::string& shown) {
  const auto left = lines_of(expected);
  const auto right = lines_of(shown);
  for (size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const std::string one = i < left.size() ? left[i] : "(nothing more)";
    const std::string other = i < right.size() ? right[i] : "(nothing more)";
    if (one != other)
      return "line " + std::to_string(i + 1) + " is:\n  " + other + "\nand should be:\n  " + one;
  }
  return "the newline at its end differs";
}

}  // namespace

SessionFile read_session(const std::string& text) { return Reader().read(text); }

std::string write_session(const SessionFile& session) {
  std::string out;
  for (const auto& step : session.steps) {
    for (const auto& remark : step.remarks) out += remark + "\n";
    if (!step.until.empty()) out += "(until it shows \"" + step.until + "\")\n";
    for (const auto& [at, keys] : step.keys) {
      const auto what = keys == kCtrlC ? "press Ctrl-C" : "type \"" + keys.substr(0, keys.size() - 1) + "\"";
      out += "(at \"" + at + "\" " + what + ")\n";
    }
    const auto first = step.command.find('\n');
    out += std::string(prompt_of(step.on)) + step.command.substr(0, first) + "\n";
    if (first != std::string::npos) out += with_mark(step.command.substr(first + 1), ">");
    out += with_mark(step.shown, "|");
    if (!step.shown.empty() && !step.shown.ends_with('\n')) out += std::string(kNoNewline) + "\n";
    if (step.exit != 0) out += "[exit " + std::to_string(step.exit) + "]\n";
  }
  for (const auto& remark : session.last_remarks) out += remark + "\n";
  return out;
}

std::vector<Mask> usual_masks() {
  return {{std::regex(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)"), "<time>"},
          {std::regex(R"(sha256:[0-9a-f]{12,64})"), "sha256:<digest>"},
          {std::regex(R"(\b[0-9a-f]{64}\b)"), "<sha256>"},
          {std::regex(R"(\b\d+ ms\b|\b\d+\.\d s\b|\b\d+ s\b|\b\d+ min\b)"), "<duration>"}};
}

std::string masked(std::string text, const std::vector<Mask>& masks) {
  const std::string before = text;
  for (const auto& mask : masks) text = std::regex_replace(text, mask.what, mask.shown);
  if (text == before) return text;
  // Not at the beginning of a line, where it says what belongs to what.
  static const std::regex kGap("([^ \n])   +");
  return std::regex_replace(text, kGap, "$1   ");
}

void play_session(const fs::path& file, const SessionSetting& setting) {
  const bool records = std::getenv("QLEET_RECORD") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  auto session = read_session(content(file));
  for (auto& step : session.steps) {
    auto [text, exit] = shown_at_last(step, setting);
    text = masked(std::move(text), setting.masks);
    if (records) {
      step.shown = text;
      step.exit = exit;
      continue;
    }
    EXPECT_TRUE(text == step.shown && exit == step.exit)
        << file.filename().string() << ":" << step.line << ": " << step.command << "\n"
        << (text == step.shown ? "" : difference(step.shown, text)) << "\n--- all of it, exit " << exit
        << (exit == step.exit ? "" : ", which should be " + std::to_string(step.exit)) << "\n"
        << text << "---";
  }
  if (records) std::ofstream(file, std::ios::trunc) << write_session(session);
}

}  // namespace qleet::test
