// What an agent can make true. CONTRACT.md beside this file is the contract in words; tests/conformance
// holds every provider to it.
//
// A provider is asked in short steps, never for a whole long piece of work: each call returns within seconds,
// work that takes longer (a managed database: 20 minutes) is started in one step and observed in later ones.
// So the agent may crash between any two steps, and a provider may live in another process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/result/result.h"
#include "common/text/log_line.h"
#include "google/protobuf/struct.pb.h"

namespace qleet {

enum class ResolveImages {
  kAsNamed,  // images are run as the template names them
  kOnce,     // what is on the host counts, else the registry is asked
  kAgain,    // the registry is asked, whatever is on the host
};

// One resource as the engine hands it over: every placeholder but ${self.*} is filled in.
struct ProviderResource {
  std::string name;   // globally unique, [a-z0-9.-]; what ownership marks carry
  std::string owner;  // the agent's name; with `name` it makes ownership marks unique on a shared host
  std::string type;
  std::string id;
  std::string application;  // empty: shared by more than one
  std::string environment;
  std::uint32_t generation = 0;
  // Over everything that matters; equal hash, equal meaning. Includes resolved inputs, and is keyed, so it
  // tells nothing about secrets.
  std::string hash;
  google::protobuf::Struct template_;
  // How to find out the digests of images that the template names by a tag; not kAsNamed: they are reported
  // in Observation::images, and nothing new is started by a tag (the digests come with the next generation).
  ResolveImages resolve_images = ResolveImages::kAsNamed;
  // Alias -> that dependency's outputs (also the secret ones).
  std::map<std::string, std::map<std::string, std::string>> dependencies;
};

// Of what consists of replicas: how many there are. Shown to people, and judged by rollouts.
struct Counts {
  unsigned ready = 0;     // able to serve now, whichever version they are of
  unsigned replicas = 0;  // that should be
  unsigned restarts = 0;  // of processes that ended by themselves, since what is wanted was made
};

// What is there now, as far as it belongs to the resource (by name or ownership mark, never by memory).
struct Observation {
  enum class State {
    kAbsent,       // nothing of it exists
    kProgressing,  // on its way by itself, needs no further step: look again (watch or recheck_after)
    kReady,        // exists as wanted by `hash`, and works
    kOutOfDate,    // exists, made for another hash, or changed by someone else (drift)
    kDegraded,     // as wanted but does not work fully (probe fails, replica missing and being remade)
  };
  State state = State::kAbsent;
  std::string reason;  // from common/model/reasons.h
  std::string
      message;  // for people, also those who may not read logs: no secrets, nothing a workload printed
  std::map<std::string, std::string> self;  // what ${self.*} means in outputs: address, name, ...
  std::map<std::string, std::string>
      images;                    // container -> repository[:tag]@digest, where they are asked for
  std::optional<Counts> counts;  // nothing: it has no replicas
  // Replicas that are ready and of the version that is wanted: how far a replacement has come. Nothing: it
  // has none.
  std::optional<unsigned> updated;
  // Tried several times in vain, and tried on: shown as Stalled, whatever is done about it.
  bool stalled = false;
  std::optional<Millis> recheck_after;  // look again then, even if no watch event comes
  std::string detail;  // opaque to the engine; the provider gets it back in apply/remove of the same pass
};

struct StepResult {
  bool done = false;                    // nothing more to start for now: observe again
  std::optional<Millis> recheck_after;  // else at once
  std::string message;
};

// What templates a provider takes, and what it tells of what it makes by them: for those who write profiles.
struct TemplateSchema {
  google::protobuf::Struct template_;  // JSON Schema (common/template/shape.h); empty: not told
  std::vector<std::string> outputs;    // that ${self.<name>} may name; "port.*": all that begin so; "*": any
};

// Thread-safe: steps of different resources run in parallel; two steps of one resource never do.
class Provider {
 public:
  virtual ~Provider() = default;
  virtual std::string name() const = 0;
  // Constant for a version of the provider, and known without a look at its place. The fields are those that
  // its parser takes. The default tells nothing: then nothing is checked.
  virtual TemplateSchema schema() const { return {}; }
  // Looks; changes nothing. Also used to find what a crashed step left behind.
  virtual Result<Observation> observe(const ProviderResource& resource) = 0;
  // One step towards `resource`. Idempotent; intent is already in the journal. Errors: retryable ones are
  // tried again with backoff, kInvalid and kUnsupported stall the resource until its spec changes. An
  // error's `reason`, where it has one, becomes the reason of the resource's Ready condition.
  virtual Result<StepResult> apply(const ProviderResource& resource, const Observation& seen) = 0;
  // One step towards nothing left; done and a following observe of kAbsent mean gone.
  virtual Result<StepResult> remove(const ProviderResource& resource, const Observation& seen) = 0;
  // Calls `changed` (any thread, must not block) with the name of a resource whose world may have changed.
  // Replaces polling. Lives until the handle is destroyed; may be null where there is nothing to watch.
  virtual std::shared_ptr<void> watch(std::function<void(std::string resource)> changed) = 0;
  // Hands out lines until `sink` returns false, or what is there now has been told. One that is followed goes
  // on until the sink says so, whatever becomes of the resource, and asks it every few seconds with a line
  // without a source where there is nothing to tell. Runs on a thread of its own; the sink may make it wait.
  virtual Result<> logs(const ProviderResource& resource, const LogWish& wish,
                        const std::function<bool(const LogLine&)>& sink);
};

}  // namespace qleet
