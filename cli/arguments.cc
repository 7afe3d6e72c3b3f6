#include "cli/arguments.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/explain.h"
#include "cli/usage_errors.h"
#include "common/clock/duration.h"

namespace qleet::cli {
namespace {

constexpr const char* kFooter =
    "Files, environment (QLEET_HUB, QLEET_TOKEN, QLEET_CA, QLEET_CONFIG): docs/reference/cli.md";

// The last line of every --help, of subcommands too.
void end_with_exit_codes(CLI::App& app) {
  const auto before = app.get_footer();
  app.footer((before.empty() ? "" : before + "\n") + exit_codes_line());
  for (auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) end_with_exit_codes(*sub);
}

const char* const kHowLong =
    "How long at most; default: as long as the environment's rollout deadline lets it take";

const char* const kHalfAnHour = "How long at most; default: 30m";

CLI::Option* timeout_option(CLI::App* app, std::string& timeout, const std::string& description = kHowLong) {
  return app
      ->add_option_function<std::string>(
          "--timeout",
          [&timeout](const std::string& text) {
            if (auto parsed = parse_duration(text); !parsed)
              throw CLI::ValidationError("--timeout", parsed.error().message);
            timeout = text;
          },
          description)
      ->option_text("DURATION");
}

// Commands keep their options alive as long as the tree lives.
template <class Command>
std::shared_ptr<Command> command(CLI::App* app, Parsed& parsed) {
  auto options = std::make_shared<Command>();
  app->callback(
      [options, &parsed] { parsed.run = [options](Session& session) { return run(session, *options); }; });
  return options;
}

void wait_options(CLI::App* app, WaitOptions& wait, bool interactive,
                  const std::string& how_long = kHowLong) {
  wait.wait = interactive;
  app->add_flag("--wait,!--no-wait", wait.wait, "Follow until it is done (by itself on a terminal)");
  timeout_option(app, wait.timeout, how_long);
}

void output_option(CLI::App* app, OutputChoice& output) {
  app->add_option_function<std::string>(
         "-o,--output",
         [&output](const std::string& text) {
           auto choice = parse_output(text);
           if (!choice) throw CLI::ValidationError("--output", choice.error().message);
           output = *std::move(choice);
         },
         "table, wide, json, yaml, name, jsonpath=PATH or custom-columns=HEADER:PATH,...")
      ->option_text("FORMAT");
}

CLI::App* add(CLI::App* parent, Parsed& parsed, const std::string& name, const std::string& description) {
  auto* app = parent->add_subcommand(name, description);
  output_option(app, parsed.output);
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
      if (options->delete_data && erase->empty())
        throw CLI::ValidationError("--delete-data",
                                   "says what becomes of data with --delete; add that, or leave it out");
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
    app->add_option("targets", options->targets, "Which: a kind and names, or KIND/NAME")
        ->option_text("KIND NAME...|KIND/NAME...");
    app->add_option("-l,--selector", options->selector, "Those of a kind that this label selector matches");
    app->add_option("-f,--filename", options->files, "Delete what these files name")->option_text("FILE...");
    app->add_flag("--delete-data", options->delete_data,
                  "Of an application: also the data that only it uses, which is kept otherwise");
    app->add_flag("-y,--yes", options->yes, "Do not ask before data is deleted");
    wait_options(app, options->wait, false, kHalfAnHour);
    app->callback([options, &parsed] {
      const bool kind_alone = options->targets.size() == 1 && !options->targets.front().contains('/');
      if (options->files.empty() == options->targets.empty() || (kind_alone && options->selector.empty()))
        throw CLI::RequiredError("either KIND NAME, KIND -l SELECTOR, or -f FILE");
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
    app->add_option("--number", options->number,
                    "Number of the run: a build with a smaller one does not replace it")
        ->option_text("NUMBER");
    app->add_option("--revision-time", options->revision_time,
                    "Time of the source revision, RFC 3339: orders builds that have no number")
        ->option_text("TIME");
    app->add_option("--idempotency-key", options->key, "Say again safely");
    app->add_flag("--allow-unfollowed", options->allow_unfollowed,
                  "Exit with 0 also where nothing follows the image (default: 9)");
    wait_options(app, options->wait, interactive, kHalfAnHour);
  }
}

void add_looking(CLI::App* root, Parsed& parsed) {
  {
    auto* app = add(root, parsed, "get", "List objects, or show some");
    auto options = command<GetCommand>(app, parsed);
    app->add_option("targets", options->targets,
                    "apps, envs, profiles, regions, agents, builds, releases, deployments, resources, "
                    "events, auditrecords, ...; several with commas, or KIND/NAME")
        ->required()
        ->option_text("KIND [NAME...]|KIND/NAME...");
    app->add_option("-l,--selector", options->selector, "Label selector, e.g. tier=prod,geography!=eu");
    app->add_option("-a,--application", options->application, "Only of this application");
    app->add_option("-e,--environment", options->environment, "Only of this environment");
    app->add_option("-r,--region", options->region, "Only of this region");
    app->add_option("--sort-by", options->sort_by, "JSONPath, e.g. .metadata.creationTimestamp")
        ->option_text("PATH");
    app->add_flag("-w,--watch", options->watch, "Go on with every change");
  }
  {
    auto* app = add(root, parsed, "describe", "What it is, what it waits for, and why");
    auto options = command<DescribeCommand>(app, parsed);
    app->add_option("targets", options->targets, "Which: a kind and names, or KIND/NAME")
        ->required()
        ->option_text("KIND NAME...|KIND/NAME...");
    app->add_option("-e,--environment", options->environment, "Of an application: only there");
  }
  {
    auto* app = add(root, parsed, "status", "Whether everything is up, and what is not; exit code 1 then");
    auto options = command<StatusCommand>(app, parsed);
    app->add_flag("-w,--watch", options->watch, "Say it again with every change");
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
        ->check(one_of({"ready", "deleted"}))
        ->capture_default_str();
    timeout_option(app, options->timeout, std::string(kHowLong) + "; to be deleted: 30m");
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
    app->add_option("application", options->application,
                    "APPLICATION, APPLICATION/WORKLOAD, TYPE/ID of a dependency, or a resource's full name")
        ->required()
        ->option_text("APPLICATION");
    auto* workload =
        app->add_option("workload", options->workload, "Only of this one")->option_text("WORKLOAD");
    app->add_option("--resource", options->resource,
                    "Instead of workloads: what they stand on, e.g. postgres/web.db")
        ->option_text("TYPE/ID")
        ->excludes(workload);
    app->add_option("-e,--environment", options->environment, "Only there (default: everywhere)");
    app->add_option("-r,--region", options->region, "Only there (default: everywhere)");
    app->add_option("-c,--container", options->container, "Only of this container");
    auto* follow = app->add_flag("-f,--follow", options->follow, "Go on with every new line");
    app->add_option("--tail", options->tail, "Lines of each container to begin with; 0: all")
        ->capture_default_str();
    app->add_option("--since", options->since, "Nothing older: 10m, or 2026-11-30T19:00:00Z")
        ->option_text("DURATION|TIME");
    app->add_flag("-p,--previous", options->previous, "Of the runs before the present one")->excludes(follow);
    app->add_flag("-t,--timestamps", options->timestamps, "Put the time of each line in front of it");
    app->add_flag("--prefix,!--no-prefix", options->prefix, "Begin each line with where it comes from");
    app->add_option("-o,--output", parsed.output.format, "json: an object for each line")
        ->transform(
            CLI::CheckedTransformer(std::map<std::string, Format>{{"json", Format::kJson}}, CLI::ignore_case)
                .description(""))
        ->option_text("json");
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
    join->add_option("--label", options->labels, "Label of the region; more than once")
        ->option_text("KEY=VALUE")
        ->allow_extra_args(false);
    join->add_option("--valid-for", options->valid_for, "How long the token may be used (default 1h)");
    command<AgentListCommand>(add(agent, parsed, "list", "List agents"), parsed);
    auto* revoke = agent->add_subcommand("revoke", "Cut an agent off, at once");
    auto revoked = command<AgentRevokeCommand>(revoke, parsed);
    revoke->add_option("name", revoked->name)->required()->option_text("AGENT");
  }
  {
    auto* token = add(root, parsed, "token", "Tokens of service accounts: create, list, revoke");
    const auto create = [&](CLI::App* app) {
      auto options = std::make_shared<TokenCommand>();
      app->add_option("serviceaccount", options->service_account, "Made if missing")
          ->option_text("SERVICEACCOUNT");
      app->add_option("--role", options->role, "admin, operator, developer, ci or viewer");
      app->add_option("--application", options->applications,
                      "Good for this application alone; repeatable (default: for every one)")
          ->option_text("APPLICATION")
          ->expected(1);
      app->add_option("--valid-for", options->valid_for, "e.g. 90d; default: until it is revoked");
      app->callback([app, options, &parsed] {
        // A subcommand speaks for itself.
        if (!app->get_subcommands().empty()) return;
        if (options->service_account.empty()) throw CLI::RequiredError("SERVICEACCOUNT");
        parsed.run = [options](Session& session) { return run(session, *options); };
      });
    };
    create(add(token, parsed, "create", "Make one; it is shown once"));
    create(token);  // as it was before there were others
    auto* list = add(token, parsed, "list", "List them: whose, for what, until when");
    auto listed = command<TokenListCommand>(list, parsed);
    list->add_option("serviceaccount", listed->service_account, "Only of this one")
        ->option_text("SERVICEACCOUNT");
    auto* revoke = token->add_subcommand("revoke", "End one, at once");
    auto revoked = command<TokenRevokeCommand>(revoke, parsed);
    revoke->add_option("serviceaccount", revoked->service_account)->required()->option_text("SERVICEACCOUNT");
    revoke->add_option("token", revoked->token, "Its id, as list shows it")->required()->option_text("TOKEN");
  }
  {
    auto* app = add(root, parsed, "edit", "Change an object in $EDITOR");
    auto options = command<EditCommand>(app, parsed);
    app->add_option("targets", options->target, "Which one")->required()->option_text("KIND NAME|KIND/NAME");
    app->callback([options, &parsed] {
      if (options->target.size() == 1 && !options->target.front().contains('/'))
        throw CLI::RequiredError("NAME, as in KIND NAME or KIND/NAME,");
      parsed.run = [options](Session& session) { return run(session, *options); };
    });
  }
  for (const bool cordon : {true, false}) {
    auto* app = add(
        root, parsed, cordon ? "cordon" : "uncordon",
        cordon ? "A region takes nothing new; what runs there goes on" : "A region takes new things again");
    auto options = command<CordonCommand>(app, parsed);
    options->cordon = cordon;
    app->add_option("regions", options->regions)->required()->option_text("REGION...");
  }
  command<WhoAmICommand>(add(root, parsed, "whoami", "Whose token this is, and what it may do"), parsed);
}

void add_version(CLI::App* root, Parsed& parsed) {
  auto* app = add(root, parsed, "version", "Versions of this command and of the hub, where one answers");
  auto options = std::make_shared<VersionCommand>();
  app->add_flag("--client", options->client, "Ask no hub");
  app->callback([options, &parsed] {
    options->context = parsed.context;
    options->output = parsed.output;
    parsed.run_without_hub = [options] { return run(*options); };
  });
}

void add_login(CLI::App* root, Parsed& parsed) {
  auto* app = root->add_subcommand("login", "Check a token with a hub, and keep both as the current context");
  auto options = std::make_shared<LoginCommand>();
  app->add_option("url", options->url)->required()->option_text("https://HOST:7443");
  app->add_option("--name", options->name, "Name of the context (default: the hub's host)");
  app->add_option("--token-file", options->token_file,
                  "File that holds the token (default: asked for, or standard input)");
  auto* ca = app->add_option("--ca", options->ca_file, "File that holds the hub's CA certificate");
  app->add_option("--ca-fingerprint", options->ca_fingerprint,
                  "SHA-256 of the hub's CA; its certificate is kept")
      ->excludes(ca);
  app->callback([options, &parsed] {
    parsed.run_without_hub = [options] {
      auto contexts = Contexts::load(Contexts::default_path());
      return contexts ? run(*contexts, *options) : report(contexts.error());
    };
  });
}

void add_explain(CLI::App* root, Parsed& parsed) {
  auto* app = root->add_subcommand("explain", "What a field means: qleet explain app.spec.workloads");
  auto options = std::make_shared<std::string>();
  auto recursive = std::make_shared<bool>(false);
  app->add_option("path", *options)->required()->option_text("KIND[.FIELD...]");
  app->add_flag("--recursive", *recursive, "All fields below, at any depth");
  app->callback([options, recursive, &parsed] {
    parsed.run_without_hub = [options, recursive] {
      const auto text = explain_field(*options, *recursive);
      if (!text) return report(text.error());
      print(*text);
      return Exit::kOk;
    };
  });
}

void add_secrets(CLI::App* root, Parsed& parsed) {
  auto* secret = root->add_subcommand("secret", "Secrets that applications use: set, list, remove");
  secret->require_subcommand(1);
  {
    auto* app = add(secret, parsed, "set", "Set keys of a secret; its other keys stay. Made if missing");
    auto options = command<SecretSetCommand>(app, parsed);
    app->add_option("name", options->name)->required()->option_text("NAME");
    app->add_option(
           "pairs", options->pairs,
           "Keys: KEY=- takes the value from standard input (on a terminal: asks for it), KEY=@FILE from "
           "a file; KEY=VALUE stays in the shell's history")
        ->option_text("KEY=-|@FILE|VALUE...");
    app->add_option("-e,--environment", options->environment,
                    "For this environment alone, where it goes before one for all");
    app->add_option("--id", options->id, "Under which applications ask for it (default: NAME)");
    app->add_option("-a,--application", options->applications, "Only this one may use it; several times")
        ->option_text("APPLICATION")
        ->allow_extra_args(false);
    app->add_flag("--every-application", options->every_application, "Every one may use it again");
    app->add_flag("--dry-run", options->dry_run, "Check everything, change nothing");
    app->footer(
        "Examples:\n"
        "  qleet secret set stripe api_key=-                    asks for the value\n"
        "  pass stripe | qleet secret set stripe api_key=-\n"
        "  qleet secret set tls tls.crt=@site.pem tls.key=@site.key\n"
        "  qleet secret set stripe-prod --id stripe -e prod api_key=@prod.key -a shop\n"
        "An application uses it as a resource {type: secret, id: stripe}: ${resources.stripe.api_key}");
  }
  command<SecretListCommand>(
      add(secret, parsed, "list", "Names, keys, versions and users of secrets; never a value"), parsed);
  {
    auto* app = add(secret, parsed, "rm", "Take keys out of a secret, or without keys all of it away");
    auto options = command<SecretRemoveCommand>(app, parsed);
    app->add_option("name", options->name)->required()->option_text("NAME");
    app->add_option("keys", options->keys, "Only these")->option_text("KEY...");
    app->add_flag("--force", options->force, "Also what somebody uses; says what becomes of these users");
    app->footer("Example: qleet secret rm stripe old_key");
  }
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
      ->check(one_of({"bash", "zsh", "fish"}))
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
  add_version(app.get(), parsed);
  add_explain(app.get(), parsed);
  add_login(app.get(), parsed);
  add_secrets(app.get(), parsed);
  add_local(app.get(), parsed);
  end_with_exit_codes(*app);
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
    if (asked) {
      app->exit(e, std::cout, std::cerr);
      return std::unexpected(Exit::kOk);
    }
    print_error("qleet: " + explain_usage(*app, e) + "\n");
    return std::unexpected(Exit::kUsage);
  }
  return *parsed;
}

}  // namespace qleet::cli
