#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/arguments.h"
#include "common/model/model.h"

namespace qleet::cli {
namespace {

std::vector<std::string> names_of(const std::string& kind) {
  const auto* known = model::find_kind(kind);
  auto contexts = Contexts::load(Contexts::default_path());
  if (!known || !contexts) return {};
  auto context = resolve_context(*contexts, "");
  if (!context) return {};
  HubClient hub(*context);
  auto items = hub.list("/v1/" + std::string(known->plural));
  std::vector<std::string> names;
  for (const auto& item : items.value_or(std::vector<std::string>{})) {
    model::Object object(known->prototype->New());
    if (parse(item, *object)) names.push_back(model::meta(*object).name());
  }
  return names;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "fish") {
    return "complete -c qleet -f -a '(qleet __complete (commandline -opc)[2..] (commandline -ct))'\n"
           "complete -c qleet -n '__fish_seen_subcommand_from apply plan delete' -F\n";
  }
  const std::string bash =
      "_qleet() {\n"
      "  local IFS=$'\\n'\n"
      "  COMPREPLY=($(compgen -W \"$(qleet __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\" -- "
      "\"${COMP_WORDS[COMP_CWORD]}\"))\n"
      "}\n"
      "complete -o default -F _qleet qleet\n";
  return shell == "zsh" ? "autoload -U +X bashcompinit && bashcompinit\n" + bash : bash;
}

std::vector<std::string> complete(const std::vector<std::string>& words) {
  Parsed parsed;
  auto root = make_app(parsed);
  const CLI::App* app = root.get();
  const std::string typing = words.empty() ? "" : words.back();
  std::vector<std::string> positionals;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const auto subcommands = app->get_subcommands([](const CLI::App*) { return true; });
    const auto found =
        std::ranges::find_if(subcommands, [&](const CLI::App* sub) { return sub->get_name() == words[i]; });
    if (found != subcommands.end()) {
      app = *found;
    } else if (!words[i].starts_with('-')) {
      positionals.push_back(words[i]);
    }
  }

  std::vector<std::string> candidates;
  for (const auto* sub : app->get_subcommands([](const CLI::App*) { return true; }))
    candidates.push_back(sub->get_name());
  if (typing.starts_with('-')) {
    for (const auto* option : app->get_options()) {
      for (const auto& name : option->get_lnames()) candidates.push_back("--" + name);
    }
  } else if (candidates.empty()) {
    std::vector<std::string> wanted;
    for (const auto* option : app->get_options()) {
      if (option->get_positional()) wanted.push_back(option->get_name(true));
    }
    const std::string next = wanted.empty() ? "" : wanted[std::min(positionals.size(), wanted.size() - 1)];
    if (next == "kind") {
      for (const auto& kind : model::kinds()) candidates.emplace_back(kind.plural);
    } else if (next == "name" || next == "names") {
      const bool agents = app->get_parent() && app->get_parent()->get_name() == "agent";
      const bool secrets = app->get_parent() && app->get_parent()->get_name() == "secret";
      candidates = names_of(agents                ? "agents"
                            : secrets             ? "secrets"
                            : positionals.empty() ? ""
                                                  : positionals.front());
    } else if (next == "application" || next == "environment") {
      candidates = names_of(next);
    }
  }
  std::erase_if(candidates, [&](const std::string& candidate) { return !candidate.starts_with(typing); });
  return candidates;
}

}  // namespace qleet::cli
