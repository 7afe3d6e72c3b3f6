// Logs of a resource, asked of the agent that runs it and streamed back.
//
// A stream costs the hub one subscription; their number is bounded. One whose agent has fallen silent ends by
// itself, unless it follows: then that is said, and it goes on where it was when the agent is back. Following
// streams are renewed, so that an agent stops one whose hub has gone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/bus/bus.h"
#include "common/clock/clock.h"
#include "common/loop/loop.h"
#include "common/random/random.h"
#include "common/result/result.h"
#include "common/text/log_line.h"
#include "common/thread/mutex.h"

namespace qleet::hub {

struct LogStreamOptions {
  size_t max_streams = 256;
  size_t max_streams_per_agent = 16;
  Millis first_within{5'000};    // else the agent counts as away
  Millis silent_within{30'000};  // agents send an empty chunk at least every 10 s
  Millis renew_every{20'000};
  // Of a stream that follows, while its agent is silent, and from when it has come anew until it answers.
  Millis ask_again_every{2'000};
};

struct LogStreamRequest {
  std::string agent;
  std::string resource;
  std::string container;  // empty: all
  LogWish wish = {};
};

// Called on a thread of the bus or of step(), one call at a time per stream; must not block.
struct LogStreamSink {
  // Whole lines, but where one is longer than a message; each begins with its time (common/text/log_line.h),
  // unless the agent is older than that. False: no more is wanted.
  std::function<bool(std::string_view source, std::string_view data)> data;
  // Something that a person should know: the agent is away, lines were left out. May be empty.
  std::function<void(std::string_view text)> note = {};
  // Once, unless the handle went first. `error` is empty at a proper end.
  std::function<void(std::string error)> end;
};

class LogStreams final : public Stepper {
 public:
  // All must outlive this object.
  LogStreams(Bus& bus, const Clock& clock, qleet::Random& random, LogStreamOptions options);
  ~LogStreams() override;

  // Lasts until the end or until the handle is destroyed (from any thread, also from within the sink; a call
  // of the sink that is running then is not waited for).
  // kExhausted: too many streams. kUnavailable: the bus does not take it. Thread-safe.
  Result<std::shared_ptr<void>> open(LogStreamRequest request, LogStreamSink sink);

  // The agent has begun a session, perhaps as another process that knows nothing of its streams: those that
  // follow are asked for at once. One that still has them takes it as a renewal. Thread-safe; does not wait.
  void came(const std::string& agent);

  // Timeouts, renewals, and the clearing away of ended streams.
  MonoTime step() override;
  Wake& wake() { return *wake_; }
  size_t open_streams() const;

 private:
  struct Stream;

  std::vector<std::shared_ptr<Stream>> all() const;
  // `from`: where it goes on.
  std::string command(const Stream& stream, bool cancel, std::optional<WallTime> from = {}) const;
  static void receive(Stream& stream, const std::string& data, MonoTime silent_at);

  Bus& bus_;
  const Clock& clock_;
  qleet::Random& random_;
  const LogStreamOptions options_;
  std::shared_ptr<Wake> wake_ = std::make_shared<Wake>();

  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<Stream>> streams_ GUARDED_BY(mutex_);  // by id
};

}  // namespace qleet::hub
