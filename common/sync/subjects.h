// Subjects of the protocol: "<verb>.<agent>", and "logs.<agent>.<id>". Agent names are RFC 1123 labels, so
// they are one token.
#pragma once

#include <string>
#include <string_view>

namespace qleet::sync::subjects {

// Hub -> agent.
inline constexpr std::string_view kDesired = "desired";
inline constexpr std::string_view kPoke = "poke";
inline constexpr std::string_view kAck = "ack";
inline constexpr std::string_view kCommand = "command";
// Agent -> hub.
inline constexpr std::string_view kSync = "sync";
inline constexpr std::string_view kStatus = "status";
inline constexpr std::string_view kHeartbeat = "heartbeat";
inline constexpr std::string_view kLogs = "logs";

inline std::string of(std::string_view verb, std::string_view agent) {
  std::string subject;
  subject.reserve(verb.size() + agent.size() + 1);
  subject.append(verb).append(".").append(agent);
  return subject;
}

inline std::string logs(std::string_view agent, std::string_view id) {
  return of(kLogs, agent) + "." + std::string(id);
}

// The second token: whom a subject speaks of. Empty where there is none.
inline std::string_view agent_of(std::string_view subject) {
  const size_t dot = subject.find('.');
  if (dot == std::string_view::npos) return {};
  subject.remove_prefix(dot + 1);
  return subject.substr(0, subject.find('.'));
}

}  // namespace qleet::sync::subjects
