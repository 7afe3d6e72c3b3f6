// Names of clang's thread safety attributes, as its manual has them (ThreadSafetyAnalysis): -Wthread-safety,
// which every target is built with, holds the code to them. Other compilers read past them.
#pragma once

#if defined(__clang__)
#define QLEET_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define QLEET_THREAD_ATTRIBUTE(x)
#endif

#define CAPABILITY(x) QLEET_THREAD_ATTRIBUTE(capability(x))
#define SCOPED_CAPABILITY QLEET_THREAD_ATTRIBUTE(scoped_lockable)
// A member that is read and written with the mutex held, and what such a pointer points to.
#define GUARDED_BY(x) QLEET_THREAD_ATTRIBUTE(guarded_by(x))
#define PT_GUARDED_BY(x) QLEET_THREAD_ATTRIBUTE(pt_guarded_by(x))
// A function that is called with the mutex held, or must not be.
#define REQUIRES(...) QLEET_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) QLEET_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) QLEET_THREAD_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) QLEET_THREAD_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) QLEET_THREAD_ATTRIBUTE(release_capability(__VA_ARGS__))
#define RETURN_CAPABILITY(x) QLEET_THREAD_ATTRIBUTE(lock_returned(x))
// With a comment that says why the analysis cannot see what is right.
#define NO_THREAD_SAFETY_ANALYSIS QLEET_THREAD_ATTRIBUTE(no_thread_safety_analysis)
