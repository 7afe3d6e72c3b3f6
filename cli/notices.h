// What an operation does to data, as a person reads it.
#pragma once

#include <string>

#include "qleet/v1/operations.pb.h"

namespace qleet::cli {

using Notices = google::protobuf::RepeatedPtrField<v1::DataNotice>;

// A line each; what is deleted first.
std::string describe_data(const Notices& notices);
void print_data(const Notices& notices);
bool deletes_data(const Notices& notices);

// Letters in small: "Application" -> "application".
std::string lower(std::string text);

}  // namespace qleet::cli
