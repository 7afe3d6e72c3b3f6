#include "hub/frontend/operation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "hub/access/reach.h"
#include "hub/store/keys.h"
#include "hub/store/overlay_store.h"

namespace qleet::hub::frontend {
namespace {

std::uint64_t bits_of(crypto::Random& random) {
  std::uint64_t bits = 0;
  for (const unsigned char byte : random.bytes(sizeof bits)) bits = bits << 8 | byte;
  return bits;
}

constexpr size_t kMaxNamesToCompare = 1000;

}  // namespace

crypto::Random& random_of(const Context& context) {
  static crypto::SystemRandom system;
  return context.random == nullptr ? system : *context.random;
}

Result<Revision> in_transaction(const Context& context,
                                const std::function<Result<>(controllers::Work&)>& step) {
  const Random bits = [&] { return bits_of(random_of(context)); };
  return context.store.transact([&](Txn& txn) -> Result<> {
    controllers::Work work{txn, {context.clock.wall(), bits}};
    return step(work);
  });
}

Result<> rehearse(const Context& context, const std::function<Result<>(const Context& copy)>& operation) {
  const auto overlay = TRY(OverlayStore::over(context.store));
  return operation({*overlay, context.clock, context.random});
}

Result<> require_reach(const Caller& caller, const google::protobuf::Message& object) {
  if (caller.applications.empty() || access::within(object, caller.applications)) return {};
  const auto& kind = model::kind_of(object);
  const auto hint = kind.name == "Secret" ? ": it must name these and no others under spec.applications" : "";
  return fail(Code::kDenied,
              fmt::format("{} \"{}\": {} is for {} {} alone{}", kind.name, model::meta(object).name(),
                          caller.subject, caller.applications.size() == 1 ? "application" : "applications",
                          fmt::join(caller.applications, ", "), hint));
}

std::string list_some(const std::vector<std::string>& names, size_t most) {
  if (names.size() <= most) return fmt::format("{}", fmt::join(names, ", "));
  return fmt::format("{} and {} more",
                     fmt::join(names.begin(), names.begin() + static_cast<long>(most), ", "),
                     names.size() - most);
}

Error no_such(const Reader& reader, const model::Kind& kind, std::string_view name) {
  std::string word(kind.name);
  for (auto& c : word) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  auto message = fmt::format("{} {} does not exist", word, name);
  std::vector<std::string> known;
  const auto entries = reader.scan({.prefix = keys::object(kind.plural, ""), .limit = kMaxNamesToCompare});
  if (entries) {
    for (const auto& entry : *entries) known.emplace_back(keys::last(entry.key));
  }
  if (const auto near = model::nearest(name, known); !near.empty())
    message += fmt::format("; did you mean {}?", near);
  return {Code::kNotFound, std::move(message), {}};
}

}  // namespace qleet::hub::frontend
