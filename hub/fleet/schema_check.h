// What agents say of their providers' templates, at the door: it is stored with the agent, read whenever a
// profile is applied, and its words are shown to people. Pure.
#pragma once

#include <cstddef>

#include "hub/dispatch/messages.h"

namespace qleet::hub {

struct SchemaLimits {
  size_t max_bytes = 16 * 1024;  // of one provider
  size_t max_bytes_together = 64 * 1024;
  size_t max_outputs = 256;
  size_t max_word = 64;    // names of fields and outputs
  size_t max_text = 1024;  // any other
  int max_depth = 16;      // objects and lists within each other
};

// Takes out what is too large or too deep, has names of other than letters, digits and "._-/*$" or texts of
// other than printable ASCII, or was said of that provider before; how many those were.
size_t drop_bad(ProviderSchemas& schemas, const SchemaLimits& limits = {});

// Equal for equal ones, in this process.
size_t hash_of(const ProviderSchemas& schemas);

}  // namespace qleet::hub
