// Changes of one kind as server-sent events.
//
//   event: added | modified | deleted      data: the object       id: the revision
//   event: bookmark                        data: {"resourceVersion"}: all up to here has been sent
//   event: error                           data: a problem; the stream ends
//
// What is told of an application is made of its deployments: it is sent again, with its own resourceVersion,
// when they change that.
//
// Each change once, in the order of commits. The stream reads the change log as fast as its client takes
// events, so a slow one costs nothing, until the log no longer reaches back to where it stands, or it has
// been behind for too long: then it is told and cut.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/clock/clock.h"
#include "hub/api/filter.h"
#include "hub/api/message.h"
#include "hub/api/show.h"
#include "hub/store/store.h"

namespace qleet::hub::api {

struct WatchOptions {
  const model::Kind* kind = nullptr;
  Filter filter;
  std::optional<Revision> after;  // nothing: what exists is sent first, as `added`, then a bookmark
  Millis patience{60'000};        // a client may be behind for so long
};

class WatchStream final : public Stream {
 public:
  // kCompacted when `after` is no longer, or not yet, part of this store's history.
  static Result<std::shared_ptr<WatchStream>> open(Store& store, const Clock& clock, const Shower& shower,
                                                   WatchOptions options);

  void start(std::function<void()> wake) override;
  Piece next() override;
  void cancel() override;
  std::string heartbeat() override;

 private:
  // Part of the initial list, read at `revision`: changes up to it are in there already.
  struct Page {
    std::string last_key;  // empty: to the end
    Revision revision;
  };

  WatchStream(Store& store, const Clock& clock, const Shower& shower, WatchOptions options);
  // True: there is more to be had at once.
  Result<bool> list_some(std::string& out);
  Result<bool> follow_some(std::string& out);
  std::string event_for(const Change& change);  // empty: not for this client
  // Of an application, where a deployment of it changed what is told of it.
  Result<std::string> event_for_deployment(const Change& change);
  bool is_news(const std::string& key, const google::protobuf::Message& object);
  std::string bookmark();
  std::string last_word(const Error& error);
  bool in_list(const Change& change) const;

  Store& store_;
  const Clock& clock_;
  const Shower& shower_;
  const WatchOptions options_;
  const std::string prefix_;
  const bool of_applications_;
  std::shared_ptr<void> subscription_;
  Revision cursor_ = 0;     // all changes up to here were looked at
  Revision announced_ = 0;  // the last id that the client was sent
  bool listing_ = false;
  std::string list_after_;
  std::vector<Page> pages_;
  std::optional<MonoTime> behind_since_;
  // Where what matches may change, by hash of the key: whether the client knows the object as one that
  // matches. Not in here: unknown.
  std::unordered_map<size_t, bool> known_;
  // Of applications, by the same: a hash of what was told of their deployments last.
  std::unordered_map<size_t, size_t> told_;
};

}  // namespace qleet::hub::api
