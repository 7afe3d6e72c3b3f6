#include "cli/usage_errors.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <optional>

#include "common/model/model.h"

namespace qleet::cli {
namespace {

// What people type who know other tools.
std::string synonym_of(std::string_view word) {
  static const std::map<std::string_view, std::string_view> known{
      {"ls", "get"},         {"list", "get"},       {"show", "describe"}, {"inspect", "describe"},
      {"ps", "status"},      {"health", "status"},  {"rm", "delete"},     {"remove", "delete"},
      {"destroy", "delete"}, {"create", "apply"},   {"deploy", "apply"},  {"up", "apply"},
      {"run", "apply"},      {"log", "logs"},       {"undo", "rollback"}, {"releases", "history"},
      {"config", "context"}, {"promote", "approve"}};
  const auto it = known.find(word);
  return it == known.end() ? "" : std::string(it->second);
}

// Options of other tools that mean something else here.
std::string hint_for(std::string_view option) {
  if (option == "-n" || option == "--namespace" || option == "--env") return "an environment is chosen by -e";
  if (option == "-A" || option == "--all-namespaces")
    return "all environments are shown unless -e chooses one";
  return {};
}

const CLI::App& innermost(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

// "qleet build notify"
std::string path_of(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : path_of(*app.get_parent()) + " " + app.get_name();
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const auto* option : at->get_options()) {
      for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string capitals(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

const CLI::Option* option_of(const CLI::App& app, const std::string& name) {
  for (const auto* option : app.get_options())
    if (option->check_name(name) || option->get_name(false, true) == name || option->get_name(true) == name ||
        option->get_name() == name)
      return option;
  return nullptr;
}

// As the help writes it: "--region", or APPLICATION.
std::string shown(const CLI::App& app, const std::string& name) {
  const auto* option = option_of(app, name);
  if (option == nullptr) return name;
  if (!option->get_positional()) return "--" + option->get_lnames().front();
  const auto& text = option->get_option_text();
  return text.empty() ? capitals(option->get_name(true))
                      : text.substr(0, std::min({text.find("..."), text.find(" ["), text.find('[')}));
}

// "KIND NAME", where the help says what follows the option.
std::string value_of(const CLI::App& app, const std::string& name) {
  const auto* option = option_of(app, name);
  return option == nullptr || option->get_option_text().empty() ? "a value" : option->get_option_text();
}

std::string unknown_option(const CLI::App& app, const std::string& word) {
  const auto name = word.substr(0, word.find('='));
  std::string text = "unknown option \"" + name + "\"";
  if (const auto hint = hint_for(name); !hint.empty()) return text + "; " + hint;
  const auto near = name.starts_with("--") ? model::nearest(name, options_of(app)) : "";
  return text + (near.empty() ? "" : "; did you mean \"" + near + "\"?");
}

// Commands of other tools that are none here, whatever they would be called.
std::string instead_of(std::string_view command) {
  if (command == "scale")
    return "no scale: set replicas in the file or the environment, or qleet edit app NAME";
  return {};
}

std::string unknown_command(const CLI::App& app, const std::string& word) {
  if (const auto hint = instead_of(word); !hint.empty()) return "unknown command \"" + word + "\"; " + hint;
  const auto known = commands_of(app);
  auto near = synonym_of(word);
  if (near.empty() || std::ranges::find(known, near) == known.end()) near = model::nearest(word, known);
  return "unknown command \"" + word + "\"" +
         (near.empty() ? "; there is: " + joined(known) : "; did you mean \"" + near + "\"?");
}

// What was left over, where that is the reason.
std::optional<std::string> about_extras(const CLI::App& root, const CLI::App& app) {
  const auto extras = root.remaining(true);
  // First: what follows an unknown command are its own options.
  if (!extras.empty() && !extras.front().starts_with('-') && !commands_of(app).empty())
    return unknown_command(app, extras.front());
  const auto option = std::ranges::find_if(extras, [](const auto& word) { return word.starts_with('-'); });
  if (option != extras.end() && *option != "-" && *option != "--") return unknown_option(app, *option);
  if (extras.empty()) return std::nullopt;
  return "\"" + extras.front() + "\" is one argument too many";
}

std::string before(std::string_view text, std::string_view mark) {
  return std::string(text.substr(0, std::min(text.find(mark), text.size())));
}
std::string after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  return at == std::string_view::npos ? std::string() : std::string(text.substr(at + mark.size()));
}

std::string sentence(const CLI::App& root, const CLI::App& app, const CLI::ParseError& error) {
  const std::string text = error.what();
  const bool missing = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (missing || dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    if (auto extras = about_extras(root, app)) return *extras;
  }
  if (missing) {
    if (text.starts_with("A subcommand"))
      return "a command is missing; there is: " + joined(commands_of(app));
    return shown(app, before(text, " is required")) + " is missing";
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    const auto name =
        text.starts_with("Expected") ? before(after(text, "arguments to "), ",") : before(text, ":");
    return shown(app, name) + (text.contains("At Most") || text.contains("got 2")
                                   ? " is given more than once"
                                   : " needs " + value_of(app, name));
  }
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) {
    const auto rest = after(text, "Could not convert: ");
    if (rest.empty()) return shown(app, before(text, ":")) + " takes no value";
    const auto* option = option_of(app, before(rest, " = "));
    const bool flag = option != nullptr && option->get_items_expected_max() == 0;
    return shown(app, before(rest, " = ")) + ": \"" + after(rest, " = ") +
           (flag ? "\" is neither true nor false" : "\" is no number");
  }
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr)
    return shown(app, before(text, ": ")) + ": " + after(text, ": ");
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr)
    return shown(app, before(text, " excludes ")) + " and " + shown(app, after(text, " excludes ")) +
           " cannot be given together";
  if (dynamic_cast<const CLI::RequiresError*>(&error) != nullptr)
    return shown(app, before(text, " requires ")) + " needs " + shown(app, after(text, " requires ")) +
           " as well";
  return text;
}

}  // namespace

std::string explain_usage(const CLI::App& root, const CLI::ParseError& error) {
  const auto& app = innermost(root);
  const auto path = path_of(app);
  const auto name = app.get_parent() == nullptr ? std::string() : after(path, " ") + ": ";
  return name + sentence(root, app, error) + "; see " + path + " --help";
}

CLI::Validator one_of(std::vector<std::string> words) {
  return CLI::Validator(
      [words = std::move(words)](const std::string& word) -> std::string {
        if (std::ranges::find(words, word) != words.end()) return {};
        const auto near = model::nearest(word, words);
        return "\"" + word + "\" is not known" + (near.empty() ? "" : "; did you mean \"" + near + "\"?") +
               "; there is: " + joined(words);
      },
      "");
}

}  // namespace qleet::cli
