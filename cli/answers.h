// What the hub says a change leads to, for people.
#pragma once

#include <string>

#include "cli/session.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::cli {

// "dev  release 3 rolls out".
std::string describe_answer(const v1::DeliveryAnswer& answer);

// A line for each; with the format "name" the deployments alone.
void print_answers(const Session& session,
                   const google::protobuf::RepeatedPtrField<v1::DeliveryAnswer>& answers);

// From REPOSITORY[:TAG][@DIGEST]; what is given by itself goes before what is part of the image.
v1::BuildSpec build_named(const std::string& image, const std::string& tag, const std::string& digest);

}  // namespace qleet::cli
