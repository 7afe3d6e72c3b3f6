// Who listens where, as the kernel says.
#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace qleet::test {

// "<program> <tcp|udp> <address>:<port>" of every socket that processes of a folder, and what they started,
// listen on in this network namespace; UDP: every bound one. A process is of a folder when it names a path
// below it in its command line.
std::set<std::string> listening(const std::filesystem::path& folder);

}  // namespace qleet::test
