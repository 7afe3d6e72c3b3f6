// The Docker Engine API over a unix socket, as Docker and Podman's service both speak it.
//
// Typed, thin and without opinions: what is to be done with containers is decided by who calls it.
// Errors: kUnavailable with reason HostUnavailable when nothing answers; kNotFound, kExists and kConflict as
// the engine means them; reasons ImageMissing, ImageRefused, PortInUse and LimitRefused where the engine's
// words tell (errors.h). Messages never hold environment, files or credentials.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock/clock.h"
#include "common/engine/frames.h"
#include "common/engine/log_assembler.h"
#include "common/engine/types.h"
#include "common/http/client.h"
#include "common/result/result.h"

namespace qleet::containers {

struct RegistryAuth {
  std::string username;
  std::string password;
  std::string server;
};

struct LogOptions {
  bool follow = false;
  unsigned tail = 0;  // 0: everything
  // Of the time that the engine noted, to the nanosecond, as seconds since 1970 ("1796065234.661350369").
  std::string since = {};
  std::string until = {};
};

// Of a call that has ended; failed: without an answer, or by a fault of the engine's own.
using CallEnded = std::function<void(bool failed, Millis took)>;

// Thread-safe.
class Client {
 public:
  // On the calling thread: `timed_out` is called when a call had no answer in its time, `ended` after each
  // call that is no stream.
  explicit Client(std::string socket, std::function<void()> timed_out = {}, CallEnded ended = {});

  const std::string& socket() const { return socket_; }

  // Engine's name and version, e.g. "podman 4.3.1"; the cheapest question there is.
  Result<std::string> version();
  // The process that serves the socket; 0 when the kernel does not tell.
  int service_pid() const;

  // `body` as in POST /containers/create. kExists: the name is taken.
  Result<std::string> create_container(std::string_view name, const boost::json::object& body);
  Result<> start(std::string_view container);
  // SIGTERM, and SIGKILL after `grace`. Fine when it does not run.
  Result<> stop(std::string_view container, Millis grace);
  Result<> kill(std::string_view container, std::string_view signal);
  Result<> unpause(std::string_view container);
  Result<> rename(std::string_view container, std::string_view name);
  // Kills it if it runs; its anonymous volumes go with it. Fine when it is gone.
  Result<> remove(std::string_view container);
  Result<ContainerDetails> inspect(std::string_view container);
  // All, running or not, that carry every one of the labels.
  Result<std::vector<Container>> list(const Labels& labels);
  // Runs a command to its end. A command that cannot be started has exit code 126 or 127.
  Result<ExecResult> exec(std::string_view container, const ExecSpec& spec, Millis timeout);
  // One file of its file system, whether it runs or not; links are followed. kNotFound.
  Result<std::string> read_file(std::string_view container, std::string_view path);
  // Unpacks a tar archive in the container's file system.
  Result<> put_archive(std::string_view container, std::string_view directory, std::string tar);

  Result<> create_network(std::string_view name, const Labels& labels, std::string_view bridge,
                          std::string_view subnet);
  Result<Network> inspect_network(std::string_view name);
  Result<std::vector<Network>> list_networks(const Labels& labels);
  Result<> remove_network(std::string_view name);
  Result<> connect(std::string_view network, std::string_view container,
                   const std::vector<std::string>& aliases);
  Result<> disconnect(std::string_view network, std::string_view container);

  Result<> create_volume(std::string_view name, const Labels& labels);
  Result<Volume> inspect_volume(std::string_view name);
  Result<std::vector<Volume>> list_volumes(const Labels& labels);
  Result<> remove_volume(std::string_view name);

  Result<Image> inspect_image(std::string_view reference);
  // Told what the engine says while it pulls; runs until it is there.
  Result<> pull(std::string_view reference, const std::optional<RegistryAuth>& auth,
                const std::function<void(std::string_view)>& progress, std::stop_token stop);
  // A file system (tar) as an image; `changes` are Dockerfile instructions such as "CMD [\"/bin/web\"]".
  Result<> import_image(std::string_view reference, std::string tar, const std::vector<std::string>& changes);
  Result<> remove_image(std::string_view reference);

  // Blocks and hands out events until `stop`, the sink's false, or the connection breaks (kUnavailable).
  // `connected` is called once the engine listens: what happened before must be listed after it.
  Result<> events(std::stop_token stop, const std::function<void()>& connected,
                  const std::function<bool(const Event&)>& sink);
  // Blocks and hands out lines, as they were written, until the end, `stop`, or the sink's false.
  Result<> logs(std::string_view container, const LogOptions& options, std::stop_token stop,
                const LogAssembler::Sink& sink);

 private:
  struct Call {
    std::string what;  // for errors: "start container web"
    std::string method = "GET";
    std::string path;
    std::string body = {};
    std::string content_type = "application/json";
    http::Headers headers = {};
    Millis timeout{30'000};
  };
  Result<http::Response> call(const Call& call);
  Result<std::string> fetch(const Call& call);
  http::Request request_of(const Call& call) const;

  std::string socket_;
  std::function<void()> timed_out_;
  CallEnded ended_;
  http::Client http_;
};

}  // namespace qleet::containers
