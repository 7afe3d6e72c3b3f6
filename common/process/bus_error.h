// What a process says when a file that it reads through memory turns out to be shorter than it was, or its
// disk cannot read it: SIGBUS, which would end it without a word.
#pragma once

namespace qleet {

// From now on such an end names the file and what to do, on standard error, and exits with kBusErrorExit.
// Once, before threads are started.
void explain_bus_errors();

inline constexpr int kBusErrorExit = 74;  // EX_IOERR

}  // namespace qleet
