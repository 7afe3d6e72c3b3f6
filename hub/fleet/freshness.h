// Status carries its age: what a lost agent said last is not the present. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "hub/dispatch/agent_directory.h"
#include "hub/fleet/liveness.h"
#include "hub/store/store.h"
#include "qleet/v1/delivery.pb.h"
#include "qleet/v1/region.pb.h"

namespace qleet::hub {

class Freshness {
 public:
  // `agents` and `liveness` must outlive this object.
  Freshness(const AgentDirectory& agents, const Liveness& liveness, std::string epoch)
      : agents_(agents), liveness_(liveness), epoch_(std::move(epoch)) {}

  // Why nothing new is known of the region now; nullopt: its agent is there, or has just been there.
  std::optional<std::string> stale_region(std::string_view region) const;
  // Why the resource's status is not the present; nullopt: it is, or it has none.
  std::optional<std::string> stale(const v1::Resource& resource) const;

  // For showing: changes the status only. A stale resource gets the state "Stale" and a Ready condition of
  // "Unknown"; an agent gets the time it was heard last.
  void refresh(v1::Resource& resource) const;
  void refresh(v1::Agent& agent) const;
  // Of either kind; others stay as they are.
  void refresh(google::protobuf::Message& object) const;

 private:
  const AgentDirectory& agents_;
  const Liveness& liveness_;
  const std::string epoch_;
};

}  // namespace qleet::hub
