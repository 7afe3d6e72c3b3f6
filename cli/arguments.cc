#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/completion.h"

namespace qleet::cli {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 did not work out, 2 wrong command line, 3 not found, 4 conflict, 5 not allowed, 6 "
    "hub unreachable, 7 timeout, "
    "8 refused input.\n"
    "Files, environment (QLEET_HUB, QLEET_TOKEN, QLEET_CA, QLEET_CONFIG): docs/reference/cli.md";

// Commands keep their options alive as long as the tree lives.
template <class Command>
std::shared_ptr<Command> command(CLI::App* app, Parsed& parsed) {
  auto options = std::make_shared<Command>();
  app->callback(
      [options, &parsed] { parsed.run = [options](Session& session) { return run(session, *options); }; });
  return options;
}

void wait_options(CLI::App* app, WaitOptions& wait, bool interactive) {
  wait.wait = interactive;
  app->add_flag("--wait,!--no-wait", wait.wait, "Follow until it is done (by itself on a terminal)");
  app->add_option("--timeout", wait.timeout, "How long to follow")->capture_default_str();
}

void output_option(CLI::App* app, Parsed& parsed) {
  static const std::map<std::string, Format> formats{{"table", Format::kTable},
                                                     {"wide", Format::kWide},
                                                     {"json", Format::kJson},
                                                     {"yaml", Format::kYaml},
                                                     {"name", Format::kName}};
  app->add_option("-o,--output", parsed.format, "table, wide, json, yaml or name")
      ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case).description(""))
      ->option_text("FORMAT");
}

CLI::App* add(CLI::App* parent, Parsed& parsed, const std::string& name, const std::string& description) {
  auto* app = parent->add_subcommand(name, description);
  output_option(app, parsed);
  return app;
}

void add_changing(CLI::App* root, Parsed& parsed, bool interactive) {
  {
    auto* app = add(root, parsed, "apply", "Create or change what files say, all or nothing");
    auto options = command<ApplyCommand>(app, parsed);
    app->add_option("files,-f,--filename", options->files, "Files, folders, or - for standard input")
        ->required()
        ->option_text("FILE...");
    app->add_option("--image", options->image, "For every container whose image is \".\"")
        ->option_text("IMAGE");
    app->add_flag("--dry-run", options->dry_run, "Check everything, change nothing");
    wait_options(app, options->wait, interactive);
  }
  {
    auto* app = add(root, parsed, "plan",
                    "What an apply, a delete (--delete) or a build (--image) would do, everywhere");
    auto options = command<PlanCommand>(app, parsed);
    auto* files =
        app->add_option("files,-f,--filename", options->files, "Files, folders, or - for standard input")
            ->option_text("FILE...");
    auto erase = std::make_shared<std::vector<std::string>>();
    app->add_option("--delete", *erase, "What deleting this would do")
        ->expected(2)
        ->option_text("KIND NAME")
        ->excludes(files);
    app->add_flag("--delete-data", options->delete_data, "With --delete app: its data goes with it");
    app->add_option(
           "--image", options->image,
           "What a build of this image would do; with files: for every container whose image is \".\"")
        ->option_text("REPOSITORY[:TAG][@DIGEST]");
    app->add_option("--tag", options->tag, "Tag of the image")->excludes(files);
    app->add_option("--digest", options->digest, "Digest of the image")->excludes(files);
    app->add_flag("--exit-code", options->exit_code, "Exit with 1 if there is anything to do");
    app->callback([options, erase, &parsed] {
      if (options->files.empty() && erase->empty() && options->image.empty())
        throw CLI::RequiredError("FILE, --delete or --image");
      if (erase->size() == 2) {
        options->erase_kind = erase->front();
        options->erase_name = erase->back();
      }
      parsed.run = [options](Session& session) { return run(session, *options); };
    });
  }
  {
    auto* app = add(root, parsed, "delete", "Delete objects; what nobody needs any more then goes too");
    auto options = command<DeleteCommand>(app, parsed);
    app->add_option("kind", options->kind, "app, env, profile, ...")->option_text("KIND");
    app->add_option("names", options->names, "Names")->option_text("NAME...");
    app->add_option("-f,--filename", options->files, "Delete what these files name")->option_text("FILE...");
    app->add_flag("--delete-data", options->delete_data,
                  "Of an application: also the data that only it uses, which is kept otherwise");
    app->add_flag("-y,--yes", options->yes, "Do not ask before data is deleted");
    wait_options(app, options->wait, false);
    app->callback([options, &parsed] {
      if (options->files.empty() && (options->kind.empty() || options->names.empty()))
        throw CLI::RequiredError("KIND NAME, or -f FILE");
      parsed.run = [options](Session& session) { return run(session, *options); };
    });
  }
  {
    auto* app = add(root, parsed, "approve", "Let a waiting release into an environment");
    auto options = command<ApproveCommand>(app, parsed);
    app->add_option("application", options->application)->required()->option_text("APPLICATION");
    app->add_option("environment", options->environment)->required()->option_text("ENVIRONMENT");
    app->add_option("--release", options->release, "Which (default: the one that waits)");
    wait_options(app, options->wait, interactive);
  }
  {
    auto* app = add(root, parsed, "rollback", "Go back to an earlier release");
    auto options = command<RollbackCommand>(app, parsed);
    app->add_option("application", options->application)->required()->option_text("APPLICATION");
    app->add_option("--to,--release", options->release,
                    "Which (default: the newest before that was ever ready)");
    app->add_flag("--force", options->force, "Also to a release that was never ready");
    app->add_option("-e,--environment", options->environment, "Only there (default: everywhere)");
    wait_options(app, options->wait, interactive);
  }
  {
    auto* build = root->add_subcommand("build", "Builds, as CI tells of them");
    build->require_subcommand(1);
    auto* app = add(build, parsed, "notify", "Tell the hub that an image exists now");
    auto options = command<NotifyCommand>(app, parsed);
    app->add_option("--image", options->image, "The image; tag and digest may be part of it")
        ->required()
        ->option_text("REPOSITORY[:TAG][@DIGEST]");
    app->add_option("--tag", options->tag, "Its tag");
    app->add_option("--digest", options->digest, "Its digest, sha256:...");
    app->add_option("--revision", options->revision, "Source revision that it was built from");
    app->add_option("--application", options->application,
                    "Only for this one (default: all that follow the image)");
    app->add_option("--idempotency-key", options->key, "Say again safely");
    wait_options(app, options->wait, interactive);
  }
}

void add_looking(CLI::App* root, Parsed& parsed) {
  {
    auto* app = add(root, parsed, "get", "List objects, or show some");
    auto options = command<GetCommand>(app, parsed);
    app->add_option("kind", options->kind,
                    "apps, envs, profiles, regions, agents, builds, releases, deployments, resources, "
                    "events, auditrecords, ...")
        ->required()
        ->option_text("KIND");
    app->add_option("names", options->names, "Only these")->option_text("NAME...");
    app->add_option("-l,--selector", options->selector, "Label selector, e.g. tier=prod,geography!=eu");
    app->add_option("-a,--application", options->application, "Only of this application");
    app->add_option("-e,--environment", options->environment, "Only of this environment");
    app->add_option("-r,--region", options->region, "Only of this region");
    app->add_flag("-w,--watch", options->watch, "Go on with every change");
  }
  {
    auto* app = add(root, parsed, "describe", "What it is, what it waits for, and why");
    auto options = command<DescribeCommand>(app, parsed);
    app->add_option("kind", options->kind)->required()->option_text("KIND");
    app->add_option("name", options->name)->required()->option_text("NAME");
  }
  {
    auto* app = add(root, parsed, "tree", "An application and all it stands on");
    auto options = command<TreeCommand>(app, parsed);
    app->add_option("application", options->application)->option_text("APPLICATION");
    app->add_option("-e,--environment", options->environment, "Only there");
    app->add_option("--why", options->why, "Why a resource is there: its name, or type/id")
        ->option_text("RESOURCE");
    app->add_flag("-w,--watch", options->watch, "Draw it again with every change");
    app->callback([options, &parsed] {
      if (options->application.empty() == options->why.empty())
        throw CLI::RequiredError("APPLICATION, or --why RESOURCE,");
      parsed.run = [options](Session& session) { return run(session, *options); };
    });
  }
  {
    auto* app = add(root, parsed, "wait", "Wait until an application is ready, or gone");
    auto options = command<WaitCommand>(app, parsed);
    app->add_option("application", options->application)->required()->option_text("APPLICATION");
    app->add_option("-e,--environment", options->environment, "Only there");
    app->add_option("--for", options->condition, "ready or deleted")
        ->check(CLI::IsMember({"ready", "deleted"}))
        ->capture_default_str();
    app->add_option("--timeout", options->timeout)->capture_default_str();
  }
  {
    auto* app = add(root, parsed, "history", "Releases of an application");
    auto options = command<HistoryCommand>(app, parsed);
    app->add_option("application", options->application)->required()->option_text("APPLICATION");
  }
  {
    auto* app = add(root, parsed, "diff", "What differs between two releases");
    auto options = command<DiffCommand>(app, parsed);
    app->add_option("application", options->application)->required()->option_text("APPLICATION");
    app->add_option("from", options->from, "Default: the one before TO")->option_text("FROM");
    app->add_option("to", options->to, "Default: the newest")->option_text("TO");
  }
  {
    auto* app = add(root, parsed, "events", "What happened, oldest first");
    auto options = command<EventsCommand>(app, parsed);
    app->add_option("application", options->application, "Only of this one")->option_text("APPLICATION");
    app->add_option("--for", options->regarding, "Only regarding this")->option_text("KIND/NAME");
    app->add_flag("-w,--watch", options->watch, "Go on with every new one");
  }
  {
    auto* app = root->add_subcommand("logs", "Logs of an application's workloads, or of what they stand on");
    auto options = command<LogsCommand>(app, parsed);
    app->add_option("application", options->application)->required()->option_text("APPLICATION");
    auto* workload =
        app->add_option("workload", options->workload, "Only of this one")->option_text("WORKLOAD");
    app->add_option("--resource", options->resource,
                    "Instead of workloads: what they stand on, e.g. postgres/web.db")
        ->option_text("TYPE/ID")
        ->excludes(workload);
    app->add_option("-e,--environment", options->environment, "Only there");
    app->add_option("-c,--container", options->container, "Only of this container");
    app->add_flag("-f,--follow", options->follow, "Go on with every new line");
    app->add_option("--tail", options->tail, "Lines of each container to begin with")->capture_default_str();
  }
}

void add_operating(CLI::App* root, Parsed& parsed) {
  {
    auto* agent = root->add_subcommand("agent", "Agents: invite, list, revoke");
    agent->require_subcommand(1);
    auto* join =
        add(agent, parsed, "join-token", "Print the one line that enrols an agent on another machine");
    auto options = command<JoinTokenCommand>(join, parsed);
    join->add_option("--region", options->region, "The region it will serve; made if missing")->required();
    join->add_option("--label", options->labels, "Label of the region")
        ->option_text("KEY=VALUE")
        ->expected(1);
    join->add_option("--valid-for", options->valid_for, "How long the token may be used (default 1h)");
    command<AgentListCommand>(add(agent, parsed, "list", "List agents"), parsed);
    auto* revoke = agent->add_subcommand("revoke", "Cut an agent off, at once");
    auto revoked = command<AgentRevokeCommand>(revoke, parsed);
    revoke->add_option("name", revoked->name)->required()->option_text("AGENT");
  }
  {
    auto* app = add(root, parsed, "token", "Make a token for a service account; it is shown once");
    auto options = command<TokenCommand>(app, parsed);
    app->add_option("serviceaccount", options->service_account, "Made if missing")
        ->required()
        ->option_text("SERVICEACCOUNT");
    app->add_option("--role", options->role, "admin, operator, developer, ci or viewer");
    app->add_option("--valid-for", options->valid_for, "e.g. 90d; default: until it is revoked");
  }
  command<VersionCommand>(root->add_subcommand("version", "Versions of this command and of the hub"), parsed);
}

void add_local(CLI::App* root, Parsed& parsed) {
  auto* context = root->add_subcommand("context", "Hubs that this user knows");
  context->require_subcommand(1);
  auto local = [&](const std::string& action, const std::string& description) {
    auto* app = context->add_subcommand(action, description);
    auto options = std::make_shared<ContextCommand>();
    options->action = action;
    app->callback([options, &parsed] {
      parsed.run_without_hub = [options] {
        auto contexts = Contexts::load(Contexts::default_path());
        return contexts ? run(*contexts, Terminal(), *options) : report(contexts.error());
      };
    });
    if (action != "list") app->add_option("name", options->name)->required()->option_text("NAME");
    return std::pair(app, options);
  };
  local("list", "List them");
  local("use", "Make one the current one");
  local("remove", "Forget one");
  auto [set, options] = local("set", "Add or change one, and make it the current one");
  set->add_option("--hub", options->hub, "https://HOST:7443");
  set->add_option("--token-file", options->token_file, "File that holds the token");
  set->add_option("--ca", options->ca_file, "File that holds the hub's CA certificate");

  auto* completion =
      root->add_subcommand("completion", "Print shell completion: source <(qleet completion bash)");
  auto shell = std::make_shared<std::string>();
  completion->add_option("shell", *shell)
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->option_text("bash|zsh|fish");
  completion->callback([shell, &parsed] {
    parsed.run_without_hub = [shell] {
      print(completion_script(*shell));
      return Exit::kOk;
    };
  });
}

}  // namespace

std::unique_ptr<CLI::App> make_app(Parsed& parsed, bool interactive) {
  auto app = std::make_unique<CLI::App>("qleet: applications with their dependencies, everywhere", "qleet");
  app->require_subcommand(1);
  app->footer(kFooter);
  app->set_version_flag("--version", "qleet " QLEET_VERSION);
  app->add_option("--context", parsed.context, "Which hub to talk to (default: the current one)");
  app->fallthrough();
  add_changing(app.get(), parsed, interactive);
  add_looking(app.get(), parsed);
  add_operating(app.get(), parsed);
  add_local(app.get(), parsed);
  return app;
}

std::unique_ptr<CLI::App> make_app(Parsed& parsed) { return make_app(parsed, false); }

std::expected<Parsed, Exit> parse_arguments(int argc, const char* const* argv, bool interactive) {
  // Commands refer to it from within the tree, so it stays where it is until the tree is gone.
  auto parsed = std::make_shared<Parsed>();
  auto app = make_app(*parsed, interactive);
  try {
    app->parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const bool asked = e.get_exit_code() == 0;
    app->exit(e, std::cout, std::cerr);
    return std::unexpected(asked ? Exit::kOk : Exit::kUsage);
  }
  return *parsed;
}

}  // namespace qleet::cli
