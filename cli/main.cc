#include <cstdio>
#include <cstring>

#include "cli/arguments.h"
#include "cli/completion.h"

using namespace qleet;       // NOLINT(google-build-using-namespace)
using namespace qleet::cli;  // NOLINT(google-build-using-namespace)

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "__complete") == 0) {
    print(completion_lines(complete({argv + 2, argv + argc})));
    return 0;
  }
  Terminal terminal;
  const auto parsed = parse_arguments(argc, argv, terminal.interactive());
  if (!parsed) return static_cast<int>(parsed.error());
  if (parsed->run_without_hub) return static_cast<int>(parsed->run_without_hub());

  const auto contexts = Contexts::load(Contexts::default_path());
  if (!contexts) return static_cast<int>(report(contexts.error()));
  const auto context = resolve_context(*contexts, parsed->context);
  if (!context) return static_cast<int>(report(context.error()));
  HubClient hub(*context);
  const SystemClock clock;
  Session session{hub, terminal, clock, parsed->output.format, parsed->output.expression};
  return static_cast<int>(parsed->run(session));
}
