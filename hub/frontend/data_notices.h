// Data that an operation takes out of use: what is deleted, what is kept, and how to have it otherwise. Found
// by rehearsing the operation, so that plan and the operation itself say the same.
#pragma once

#include <functional>
#include <vector>

#include "common/model/model.h"
#include "hub/frontend/frontend.h"
#include "hub/frontend/rehearsal.h"

namespace qleet::hub::frontend {

using Notices = google::protobuf::RepeatedPtrField<v1::DataNotice>;

inline constexpr std::string_view kKept = "Kept";
inline constexpr std::string_view kDeleted = "Deleted";

// Of what an operation and all that follows from it changed between the two.
Result<Notices> data_notices(const Reader& before, const Reader& after, const Settled& settled);

// The same for an operation that is still to be done; none where it is refused.
Result<Notices> foresee_data(const Context& context,
                             const std::function<Result<>(const Context&)>& operation);

// Whether applying this may take data out of use, and so is worth a rehearsal. kTooMany: it concerns too many
// deployments for that.
enum class Foresight { kNothing, kRehearse, kTooMany };
Result<Foresight> may_leave_data(const Reader& reader, const std::vector<model::Object>& objects);

// For people, where foresee_data failed: that stops no operation.
std::string unforeseen(const Error& error);

// What stands there is left as it is, although the record of where it belongs goes.
v1::DataNotice left_behind(const v1::Resource& resource, std::string_view why);

}  // namespace qleet::hub::frontend
