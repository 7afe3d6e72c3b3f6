// Errors as values. Every function that can fail for a reason outside the program returns Result<T>;
// exceptions are for bugs and for the edges of libraries.
//
// A message reads as a sentence fragment that a person can act on ("image x: not found in the local
// store and the registry refused it: 401"); whoever passes an error up prepends its own context with
// `wrap`. Logged once, where it is handled. Never holds a secret.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qleet {

// What the caller may do about it; the HTTP status and the exit code follow from it.
enum class Code {
  kInvalid,          // the input is wrong: repeat only after changing it
  kUnauthenticated,  // no or unknown credentials
  kDenied,           // known, but not allowed
  kNotFound,
  kExists,
  kConflict,   // someone else was faster: read again, decide again
  kCompacted,  // the history asked for is gone: list again
  kTooLarge,   // over a limit on size or depth
  kExhausted,  // over a limit on rate or number
  kFull,  // the disk is full, or the store as big as it may be: nothing was written; again when there is room
  kUnavailable,  // a peer is away: try again later
  kDeadline,     // took too long
  kUnsupported,
  kInternal,  // a bug, or a broken disk
};

// One wrong place in an input.
struct FieldError {
  std::string field;  // path, e.g. spec.workloads.web.score.containers.web.image
  std::string message;
  int line = 0;      // 1-based line in the text; 0: unknown
  std::string file;  // set by whoever knows it (the CLI)

  bool operator==(const FieldError&) const = default;
};

struct Error {
  Code code = Code::kInternal;
  std::string message;
  std::vector<FieldError> fields;
  std::string reason =
      {};  // a published one (common/model/reasons.h) where the cause has one, e.g. ImageMissing

  // Worth trying again with the same input.
  bool retryable() const {
    return code == Code::kConflict || code == Code::kUnavailable || code == Code::kDeadline ||
           code == Code::kExhausted || code == Code::kFull;
  }
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Code code, std::string message) {
  return std::unexpected(Error{code, std::move(message), {}});
}

inline std::unexpected<Error> fail(Code code, std::string_view reason, std::string message) {
  return std::unexpected(Error{code, std::move(message), {}, std::string(reason)});
}

// Prepends context: wrap(e, "region eu-1") -> "region eu-1: <message>".
inline Error wrap(Error e, std::string_view context) {
  e.message = std::string(context) + ": " + e.message;
  return e;
}

}  // namespace qleet

// Evaluates to the value of a Result, or returns its error from the enclosing function.
#define TRY(expression)                                                     \
  ({                                                                        \
    auto&& try_result = (expression);                                       \
    if (!try_result) return std::unexpected(std::move(try_result).error()); \
    *std::move(try_result);                                                 \
  })
