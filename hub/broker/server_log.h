// The log of the nats-server that the hub runs. When a file of it is full the server moves it aside and
// begins another; it never removes one. And whom it refuses it tells nobody else.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>

namespace qleet::hub {

// What was moved aside last; an empty path: nothing was.
std::filesystem::path newest_full_log(const std::filesystem::path& log);
// Keeps the two that were moved aside last.
void remove_old_logs(const std::filesystem::path& log);

// What a server that has ended said of it: the newest line of a fatal error or of a panic.
std::string last_words(std::istream& log);

// Publishes and subscriptions that an identity may not make, by its public key: how many a second, over the
// time that the text covers, at least one second. What clients say of themselves is quoted in the log, so
// that none can pass for another.
std::map<std::string, std::uint64_t> refusals_per_second(std::istream& log);

}  // namespace qleet::hub
