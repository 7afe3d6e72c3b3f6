// The command that lists and shows objects of any kind.
#include <algorithm>

#include "cli/commands.h"
#include "cli/kinds.h"
#include "cli/objects_view.h"

namespace qleet::cli {

Exit run(Session& session, const GetCommand& command) {
  const auto targets = targets_of(command.targets);
  if (!targets) return report(targets.error());
  const bool lists = targets->front().names.empty();
  if (command.watch && targets->size() > 1) {
    print_error("qleet: -w watches one kind at a time\n");
    return Exit::kUsage;
  }
  const bool selects = !command.selector.empty() || !command.application.empty() ||
                       !command.environment.empty() || !command.region.empty();
  if (!lists && selects) {
    print_error("qleet: objects are selected either by name or by -l, -a, -e and -r\n");
    return Exit::kUsage;
  }
  Query query;
  query.add("labelSelector", command.selector);
  query.add("application", command.application);
  query.add("environment", command.environment);
  query.add("region", command.region);

  std::vector<Listed> listed;
  std::string revision;
  size_t named = 0;
  for (const auto& target : *targets) {
    const std::string base = "/v1/" + std::string(target.kind->plural);
    auto& part = listed.emplace_back(Listed{.kind = target.kind});
    for (const auto& name : target.names) {
      auto item = session.hub.get(base + "/" + http::encode(name));
      if (!item) return report(item.error());
      part.items.push_back(std::move(*item));
      ++named;
    }
    if (!lists && !command.watch) continue;
    std::vector<std::string> left_out;
    auto all = session.hub.list(base + query.text, &left_out, &revision);
    if (!all) return report(all.error());
    if (!lists) continue;  // asked for the revision alone
    for (const auto& why : left_out) print_error("warning: left out: " + why + "\n");
    part.items = std::move(*all);
  }
  for (auto& part : listed)
    if (lists && part.kind->name == "Release") sort_by_name(part.items);
  for (auto& part : listed)
    if (lists && part.kind->name == "Event") sort_events(part.items);
  if (!command.sort_by.empty()) {
    for (auto& part : listed)
      if (const auto sorted = sort_objects(part.items, command.sort_by); !sorted)
        return report(sorted.error());
  }
  if (!command.watch) return print_objects(session, listed, named == 1);
  const auto names = targets->front().names;
  Wanted wanted;
  if (!lists)
    wanted = [names](const google::protobuf::Message& object) {
      return std::ranges::find(names, model::meta(object).name()) != names.end();
    };
  return watch_objects(session, listed.front(), query, revision, wanted);
}

}  // namespace qleet::cli
