#include "tests/e2e/surface.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/arguments.h"

namespace qleet::test {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

// "token create"; "" for the root.
std::string path_of(const CLI::App& app) {
  if (app.get_parent() == nullptr) return "";
  const auto above = path_of(*app.get_parent());
  return above.empty() ? app.get_name() : above + " " + app.get_name();
}

std::string joined(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + " " + name;
}

std::string name_of(const CLI::Option& option) {
  if (!option.get_lnames().empty()) return "--" + option.get_lnames().front();
  if (!option.get_snames().empty()) return "-" + option.get_snames().front();
  return option.get_name(true);
}

// Names of a flag that say the opposite, "no-wait".
std::vector<std::string> opposites_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const auto& name : option.get_fnames())
    if (name.starts_with("no-")) names.push_back("--" + name);
  return names;
}

void collect(const CLI::App& app, std::set<std::string>& all) {
  const auto path = path_of(app);
  if (!path.empty() && commands_of(app).empty()) all.insert(path);
  for (const auto* option : app.get_options()) {
    all.insert(joined(path, name_of(*option)));
    for (const auto& name : opposites_of(*option)) all.insert(joined(path, name));
  }
  for (const auto* command : commands_of(app)) collect(*command, all);
}

void collect_commands(const CLI::App& app, std::vector<std::string>& all) {
  for (const auto* command : commands_of(app)) {
    all.push_back(path_of(*command));
    collect_commands(*command, all);
  }
}

bool has(const std::vector<std::string>& words, const std::string& name) {
  return std::ranges::find(words, name) != words.end();
}

void collect_asked(const CLI::App& app, const std::vector<std::string>& words, std::set<std::string>& asked) {
  const auto path = path_of(app);
  if (!path.empty() && commands_of(app).empty()) asked.insert(path);
  for (const auto* option : app.get_options()) {
    if (option->count() == 0) continue;
    const auto opposites = opposites_of(*option);
    const auto opposite = std::ranges::find_if(opposites, [&](const auto& name) { return has(words, name); });
    asked.insert(joined(path, opposite == opposites.end() ? name_of(*option) : *opposite));
  }
  for (const auto* command : app.get_subcommands()) collect_asked(*command, words, asked);
}

}  // namespace

std::set<std::string> surface() {
  cli::Parsed parsed;
  const auto app = cli::make_app(parsed);
  std::set<std::string> all;
  collect(*app, all);
  return all;
}

std::vector<std::string> all_commands() {
  cli::Parsed parsed;
  const auto app = cli::make_app(parsed);
  std::vector<std::string> all;
  collect_commands(*app, all);
  return all;
}

std::set<std::string> asked_of(const std::vector<std::string>& words) {
  cli::Parsed parsed;
  const auto app = cli::make_app(parsed);
  try {
    app->parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return {};  // help and the version end it as well
  }
  std::set<std::string> asked;
  collect_asked(*app, words, asked);
  return asked;
}

}  // namespace qleet::test
