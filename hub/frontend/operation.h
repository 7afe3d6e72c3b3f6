// One operation as one transaction.
#pragma once

#include <functional>

#include "common/crypto/token.h"
#include "hub/controllers/work.h"
#include "hub/frontend/frontend.h"
#include "hub/store/objects.h"

namespace qleet::hub::frontend {

crypto::Random& random_of(const Context& context);

// Runs `step`, which may run more than once, and gives the revision that holds it.
Result<Revision> in_transaction(const Context& context,
                                const std::function<Result<>(controllers::Work&)>& step);

// The same on a copy that is thrown away: what would come of it, or why it would be refused.
Result<> rehearse(const Context& context, const std::function<Result<>(const Context& copy)>& operation);

// apply and erase alone, without a look ahead at what becomes of data: for plan, which looks at everything.
// Not for options.dry_run.
Result<v1::ApplyResult> apply_now(const Context& context, const Caller& caller,
                                  const std::vector<model::Object>& objects, const ApplyOptions& options);
Result<v1::EraseResult> erase_now(const Context& context, const Caller& caller, const model::Kind& kind,
                                  std::string_view name, const EraseOptions& options);

// kDenied where the caller is for some applications alone, and the object is not theirs. Asked within the
// transaction that writes, of what stands and of what shall stand: between a look and the write others write.
Result<> require_reach(const Caller& caller, const google::protobuf::Message& object);

// "a, b and 3 more".
std::string list_some(const std::vector<std::string>& names, size_t most = 5);

// kNotFound for the object `name`, with the nearest that there is.
Error no_such(const Reader& reader, const model::Kind& kind, std::string_view name);

// The object, or no_such.
template <class T>
Result<T> existing(const Reader& reader, std::string_view name) {
  auto found = TRY(objects::get<T>(reader, name));
  if (!found) return std::unexpected(no_such(reader, model::kind_of(T::default_instance()), name));
  return *std::move(found);
}

}  // namespace qleet::hub::frontend
