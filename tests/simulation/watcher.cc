#include "tests/simulation/watcher.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "common/model/model.h"

namespace qleet::sim {
namespace {

hub::Revision number_after(std::string_view text, std::string_view before) {
  const auto at = text.find(before);
  hub::Revision number = 0;
  if (at == std::string_view::npos) return number;
  const auto rest = text.substr(at + before.size());
  std::from_chars(rest.data(), rest.data() + rest.size(), number);
  return number;
}

std::string_view line_after(std::string_view text, std::string_view before) {
  const auto at = text.find(before);
  if (at == std::string_view::npos) return {};
  const auto rest = text.substr(at + before.size());
  return rest.substr(0, rest.find('\n'));
}

std::string_view name_in(std::string_view json) {
  constexpr std::string_view kBefore = R"("metadata":{"name":")";
  const auto at = json.find(kBefore);
  if (at == std::string_view::npos) return {};
  const auto rest = json.substr(at + kBefore.size());
  return rest.substr(0, rest.find('"'));
}

}  // namespace

Watcher::Watcher(std::string plural, Findings& findings, Sabotage sabotage)
    : plural_(std::move(plural)),
      prefix_("o/" + plural_ + "/"),
      findings_(findings),
      skips_(sabotage == Sabotage::kSkippedChange) {}

void Watcher::forget() {
  stream_.reset();
  seen_.reset();
  next_ = 0;
}

void Watcher::read(hub::Store& store, const Clock& clock, const hub::api::Shower& shower,
                   const Checker& checker) {
  if (!stream_) {
    hub::api::WatchOptions options;
    options.kind = model::find_kind(plural_);
    options.after = seen_;
    auto opened = hub::api::WatchStream::open(store, clock, shower, std::move(options));
    if (!opened) {
      findings_.add(Rule::kWatch, fmt::format("watch of {} refused: {}", plural_, opened.error().message));
      return;
    }
    stream_ = *std::move(opened);
    stream_->start([] {});
  }
  for (bool more = true; more;) {
    auto piece = stream_->next();
    more = piece.more;
    std::string_view rest = piece.data;
    while (!rest.empty()) {
      const auto end = rest.find("\n\n");
      take(rest.substr(0, end), checker);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 2);
    }
    if (piece.end) {
      findings_.add(Rule::kWatch, fmt::format("watch of {} ended: {}", plural_, piece.data));
      return;
    }
  }
  // Whatever was committed by now has been told.
  const auto& told = checker.told();
  for (; next_ < told.size(); ++next_) {
    if (!told[next_].key.starts_with(prefix_)) continue;
    findings_.add(Rule::kWatch, fmt::format("watch of {} left out {} at {}", plural_, told[next_].key,
                                            told[next_].revision));
  }
}

void Watcher::take(std::string_view text, const Checker& checker) {
  const auto event = line_after(text, "event: ");
  const auto id = text.starts_with("id: ") ? number_after(text, "id: ") : 0;
  const auto& told = checker.told();
  if (!seen_) {
    // The list; its bookmark says up to where it goes.
    if (event != "bookmark") return;
    seen_ = id;
    while (next_ < told.size() && told[next_].revision <= id) ++next_;
    return;
  }
  if (event == "bookmark") {
    seen_ = id;
    return;
  }
  if (std::exchange(skips_, false)) return;
  while (next_ < told.size() && !told[next_].key.starts_with(prefix_)) ++next_;
  const auto said = number_after(text, R"("resourceVersion":")");
  // What is told of an application is made of its deployments: a change of one tells it again, as it stood.
  const bool stands = next_ == told.size() || said < told[next_].revision;
  if (plural_ == "applications" && event == "modified" && stands) {
    if (id != 0) seen_ = id;
    return;
  }
  if (next_ == told.size()) {
    findings_.add(Rule::kWatch, fmt::format("watch of {} tells what nobody did: {}", plural_, text));
    return;
  }
  const auto& wanted = told[next_++];
  if (event.empty() || event.front() != wanted.what || said != wanted.revision ||
      prefix_ + std::string(name_in(text)) != wanted.key)
    findings_.add(Rule::kWatch, fmt::format("watch of {} tells {} {} at {} instead of {} at {}", plural_,
                                            event, name_in(text), said, wanted.key, wanted.revision));
  if (id != 0) seen_ = id;
}

}  // namespace qleet::sim
