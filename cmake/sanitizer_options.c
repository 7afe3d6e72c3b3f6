// What every program of a sanitized build begins with; ASAN_OPTIONS, UBSAN_OPTIONS and TSAN_OPTIONS come on top.
// Compiled without sanitizers: it is asked before they are ready.

const char* __asan_default_options(void) {
  return "strict_string_checks=1:check_initialization_order=1:detect_stack_use_after_return=1";
}

const char* __ubsan_default_options(void) { return "print_stacktrace=1"; }

// Tests fork from processes with threads, and look at files in the child.
const char* __tsan_default_options(void) { return "second_deadlock_stack=1:die_after_fork=0"; }
