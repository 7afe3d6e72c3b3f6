// What an operation does to data, as a person reads it.
#pragma once

#include <string>

#include "qleet/v1/operations.pb.h"

namespace qleet::cli {

using Notices = google::protobuf::RepeatedPtrField<v1::DataNotice>;

// Whether the operation was done, or is only asked about so far.
enum class When { kDone, kForeseen };

// A line each, "Deleted: ..." or "Would be deleted: ..."; what is deleted first.
std::string describe_data(const Notices& notices, When when);
void print_data(const Notices& notices, When when);
bool deletes_data(const Notices& notices);

// Letters in small: "Application" -> "application".
std::string lower(std::string text);

}  // namespace qleet::cli
