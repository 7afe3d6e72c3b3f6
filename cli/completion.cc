#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "cli/arguments.h"
#include "cli/explain.h"
#include "cli/kinds.h"
#include "common/model/model.h"
#include "qleet/v1/application.pb.h"

namespace qleet::cli {
namespace {

// Somebody waits with a finger on a key.
constexpr Millis kPatience{1'000};
constexpr const char* kAtMost = "500";

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

const CLI::App* command_named(const CLI::App& app, const std::string& name) {
  for (const auto* sub : commands_of(app))
    if (sub->get_name() == name) return sub;
  return nullptr;
}

// Of the command or of one above it; `word` as it is typed, without a value.
const CLI::Option* option_named(const CLI::App& app, const std::string& word) {
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const auto* option : at->get_options()) {
      for (const auto& name : option->get_lnames())
        if (word == "--" + name) return option;
      for (const auto& name : option->get_snames())
        if (word == "-" + name) return option;
    }
  }
  return nullptr;
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

// Where the words before the last one lead.
struct Place {
  const CLI::App* app = nullptr;
  std::vector<std::string> positionals;
  const CLI::Option* awaits = nullptr;  // the option whose value is being typed
  std::string context;
};

Place place_of(const CLI::App& root, const std::vector<std::string>& words) {
  Place place{.app = &root};
  const CLI::Option* awaits = nullptr;
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    const auto& word = words[i];
    if (awaits != nullptr) {
      if (awaits->check_lname("context")) place.context = word;
      awaits = nullptr;
    } else if (word.starts_with('-') && word != "-") {
      if (word.contains('=')) continue;
      const auto* option = option_named(*place.app, word);
      if (option != nullptr && takes_value(*option)) awaits = option;
    } else if (const auto* sub = command_named(*place.app, word);
               sub != nullptr && place.positionals.empty()) {
      place.app = sub;
    } else {
      place.positionals.push_back(word);
    }
  }
  place.awaits = awaits;
  return place;
}

std::vector<std::string> context_names() {
  std::vector<std::string> names;
  if (const auto contexts = Contexts::load(Contexts::default_path()))
    for (const auto& [name, _] : contexts->contexts) names.push_back(name);
  return names;
}

Result<HubContext> hub_of(const std::string& context) {
  return resolve_context(TRY(Contexts::load(Contexts::default_path())), context);
}

// Names of objects, from the hub.
std::vector<std::string> names_of(const model::Kind& kind, const std::string& context) {
  const auto hub_context = hub_of(context);
  if (!hub_context) return {};
  HubClient hub(*hub_context, kPatience);
  const auto page = hub.get("/v1/" + std::string(kind.plural) + "?limit=" + kAtMost);
  if (!page) return {};
  std::vector<std::string> names;
  const auto path = JsonPath::parse(".items[*].metadata.name");
  for (const auto& name : path->find(value_of(*page))) names.push_back(plain(name));
  return names;
}

// Of an application, from the hub.
std::vector<std::string> workloads_of(const std::string& application, const std::string& context) {
  const auto hub_context = hub_of(context);
  if (!hub_context) return {};
  HubClient hub(*hub_context, kPatience);
  v1::Application found;
  if (!hub.get_into("/v1/applications/" + http::encode(application), found)) return {};
  std::set<std::string> names;
  for (const auto& [name, workload] : found.spec().workloads()) names.insert(name);
  return {names.begin(), names.end()};
}

class Completing {
 public:
  Completing(Place place, std::string typing) : place_(std::move(place)), typing_(std::move(typing)) {}

  Completion run() {
    if (place_.awaits != nullptr) {
      value_of_option(*place_.awaits, "");
    } else if (typing_.starts_with("--") && typing_.contains('=')) {
      const auto equals = typing_.find('=');
      if (const auto* option = option_named(*place_.app, typing_.substr(0, equals)))
        value_of_option(*option, typing_.substr(0, equals + 1));
    } else if (typing_.starts_with('-')) {
      options();
    } else if (const auto subs = commands_of(*place_.app); !subs.empty()) {
      for (const auto* sub : subs) add(sub->get_name(), sub->get_description());
    } else {
      positional();
    }
    std::erase_if(out_.candidates, [&](const auto& one) { return !one.word.starts_with(typing_); });
    return std::move(out_);
  }

 private:
  void add(std::string word, std::string description = {}) {
    out_.candidates.push_back({std::move(word), std::move(description)});
  }
  void add_all(const std::vector<std::string>& words, const std::string& before = "") {
    for (const auto& word : words) add(before + word);
  }
  void add_names(const std::string& kind, const std::string& before = "") {
    if (const auto* known = model::find_kind(kind)) add_all(names_of(*known, place_.context), before);
  }

  void options() {
    std::set<std::string> added;  // --help is every command's
    for (const CLI::App* at = place_.app; at != nullptr; at = at->get_parent())
      for (const auto* option : at->get_options())
        for (const auto& name : option->get_lnames())
          if (added.insert(name).second) add("--" + name, option->get_description());
  }

  // `before`: what of the word stands already, "--output=".
  void value_of_option(const CLI::Option& option, const std::string& before) {
    const auto& names = option.get_lnames();
    const std::string name = names.empty() ? "" : names.front();
    if (name == "output") return add_all(output_names(), before);
    if (name == "environment" || name == "application" || name == "region") return add_names(name, before);
    if (name == "context") return add_all(context_names(), before);
    if (name == "role") return add_all({"admin", "operator", "developer", "ci", "viewer"}, before);
    if (name == "for" && place_.app->get_name() == "wait") return add_all({"ready", "deleted"}, before);
    if (name == "for") return kinds_with_slash(before);
    if (name == "delete") return kinds(before);
    if (name == "filename" || name.ends_with("file") || name == "ca") out_.files = true;
  }

  void kinds(const std::string& before = "") {
    for (const auto& kind : model::kinds()) add(before + std::string(kind.plural), std::string(kind.name));
  }
  // "apps/": the name follows the slash.
  void kinds_with_slash(const std::string& before = "") {
    const auto typed = typing_.substr(std::min(before.size(), typing_.size()));
    const auto slash = typed.find('/');
    if (slash == std::string::npos) {
      for (const auto& kind : model::kinds()) add(before + std::string(kind.plural) + "/");
    } else {
      add_names(typed.substr(0, slash), before + typed.substr(0, slash + 1));
    }
  }

  void positional() {
    std::vector<std::string> wanted;
    for (const auto* option : place_.app->get_options())
      if (option->get_positional()) wanted.push_back(option->get_name(true));
    if (wanted.empty()) return;
    const auto& given = place_.positionals;
    const std::string next = wanted[std::min(given.size(), wanted.size() - 1)];
    if (next == "files") {
      out_.files = true;
    } else if (next == "targets") {
      targets();
    } else if (next == "path") {
      fields();
    } else if (place_.app->get_name() == "logs" && next == "application" && typing_.contains('/')) {
      const auto slash = typing_.find('/');
      add_all(workloads_of(typing_.substr(0, slash), place_.context), typing_.substr(0, slash + 1));
    } else if (next == "workload") {
      add_all(workloads_of(given.front(), place_.context));
    } else if (next == "shell") {
      add_all({"bash", "zsh", "fish"});
    } else if (next == "regions" || next == "application" || next == "environment" ||
               next == "serviceaccount") {
      add_names(next);
    } else if (next == "name") {
      const auto* parent = place_.app->get_parent();
      if (parent != nullptr && parent->get_name() == "agent") return add_names("agents");
      if (parent != nullptr && parent->get_name() == "context") return add_all(context_names());
      if (parent != nullptr && parent->get_name() == "secret") add_names("secrets");
    }
  }

  // "app.spec.w": what stands below "app.spec".
  void fields() {
    const auto dot = typing_.rfind('.');
    if (dot == std::string::npos) return kinds();
    add_all(fields_below(typing_.substr(0, dot)), typing_.substr(0, dot + 1));
  }

  void targets() {
    const auto& given = place_.positionals;
    if (given.empty() && !typing_.contains('/')) return kinds();
    if (given.empty() || given.front().contains('/')) return kinds_with_slash();
    add_names(given.front());
  }

  const Place place_;
  const std::string typing_;
  Completion out_;
};

}  // namespace

Completion complete(const std::vector<std::string>& words) {
  Parsed parsed;
  const auto root = make_app(parsed);
  return Completing(place_of(*root, words), words.empty() ? "" : words.back()).run();
}

std::string completion_lines(const Completion& completion) {
  if (completion.files) return ":files\n";
  std::string out;
  for (const auto& one : completion.candidates)
    out += one_line(one.word) + (one.description.empty() ? "" : "\t" + one_line(one.description)) + "\n";
  return out;
}

}  // namespace qleet::cli
