// The commands, one function each, with their options as plain data: cli/arguments.cc fills these in, so that
// commands know nothing of how a command line is read. Each returns the exit code and has told the user why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/format.h"
#include "cli/session.h"

namespace qleet::cli {

struct WaitOptions {
  bool wait = false;
  std::string timeout;  // empty: nobody said (cli/patience.h)
};

struct ApplyCommand {
  std::vector<std::string> files;  // "-": standard input; a folder: its *.yaml, *.yml, *.json
  std::string image;               // for containers whose image is "."
  bool dry_run = false;
  WaitOptions wait;
};
Exit run(Session& session, const ApplyCommand& command);

struct PlanCommand {
  std::vector<std::string> files;
  std::string erase_kind;  // instead of files: what a delete would do
  std::string erase_name;
  bool delete_data = false;
  std::string image;  // with files: as for apply; without: what a build of it would do
  std::string tag;
  std::string digest;
  bool exit_code = false;  // 1 when there are changes
};
Exit run(Session& session, const PlanCommand& command);

struct DeleteCommand {
  std::vector<std::string> targets;  // cli/kinds.h
  std::string selector;              // instead of names: those of one kind that it matches
  std::vector<std::string> files;
  bool delete_data = false;  // of applications
  bool yes = false;          // does not ask
  WaitOptions wait;
};
Exit run(Session& session, const DeleteCommand& command);

struct GetCommand {
  std::vector<std::string> targets;  // cli/kinds.h
  std::string selector = {};
  std::string application = {};
  std::string environment = {};
  std::string region = {};
  std::string sort_by = {};  // JSONPath
  bool watch = false;
};
Exit run(Session& session, const GetCommand& command);

struct DescribeCommand {
  std::vector<std::string> targets;  // cli/kinds.h, each with a name
  std::string environment = {};      // of an application: only there
};
Exit run(Session& session, const DescribeCommand& command);

struct TreeCommand {
  std::string application;
  std::string environment;
  std::string why;  // resource: instead of the tree
  bool watch = false;
};
Exit run(Session& session, const TreeCommand& command);

struct WaitCommand {
  std::string application;
  std::string environment;
  std::string condition = "ready";  // or "deleted"
  std::string timeout = {};         // empty: nobody said (cli/patience.h)
};
Exit run(Session& session, const WaitCommand& command);

struct HistoryCommand {
  std::string application;
};
Exit run(Session& session, const HistoryCommand& command);

struct DiffCommand {
  std::string application;
  unsigned from = 0;  // 0: the one before `to`
  unsigned to = 0;    // 0: the newest
};
Exit run(Session& session, const DiffCommand& command);

struct ApproveCommand {
  std::string application;
  std::string environment;
  unsigned release = 0;
  WaitOptions wait;
};
Exit run(Session& session, const ApproveCommand& command);

struct RollbackCommand {
  std::string application;
  std::string environment;
  unsigned release = 0;
  bool force = false;
  WaitOptions wait;
};
Exit run(Session& session, const RollbackCommand& command);

struct NotifyCommand {
  std::string image;  // repository[:tag][@digest]
  std::string tag;
  std::string digest;
  std::string revision;
  std::string application;
  std::string key;
  std::uint64_t number = 0;   // 0: not said
  std::string revision_time;  // RFC 3339; empty: not said
  bool allow_unfollowed = false;
  WaitOptions wait;
};
Exit run(Session& session, const NotifyCommand& command);

struct EventsCommand {
  std::string application;
  std::string regarding;  // kind/name
  bool watch = false;
};
Exit run(Session& session, const EventsCommand& command);

struct LogsCommand {
  std::string application;  // or <application>/<workload>, <type>/<id>, or the full name of a resource
  std::string environment;
  std::string region;
  std::string workload;
  std::string resource;  // instead: <type>/<id> of what it stands on
  std::string container;
  std::string since;  // a duration, or a time
  bool follow = false;
  bool previous = false;
  bool timestamps = false;
  bool prefix = true;
  unsigned tail = 100;  // 0: all
};
Exit run(Session& session, const LogsCommand& command);

struct JoinTokenCommand {
  std::string region;
  std::vector<std::string> labels;
  std::string valid_for;
};
Exit run(Session& session, const JoinTokenCommand& command);

struct AgentListCommand {};
Exit run(Session& session, const AgentListCommand& command);

struct AgentRevokeCommand {
  std::string name;
};
Exit run(Session& session, const AgentRevokeCommand& command);

struct TokenCommand {
  std::string service_account;
  std::string role;
  std::string valid_for;
  std::vector<std::string> applications;  // empty: every one
};
Exit run(Session& session, const TokenCommand& command);

// Whether everything is up; kFailed when something is not.
struct StatusCommand {
  bool watch = false;
};
Exit run(Session& session, const StatusCommand& command);

struct CordonCommand {
  std::vector<std::string> regions;
  bool cordon = true;  // false: takes new things again
};
Exit run(Session& session, const CordonCommand& command);

// In $VISUAL, $EDITOR or vi; nothing is written unless the hub takes it.
struct EditCommand {
  std::vector<std::string> target;  // cli/kinds.h, one object
};
Exit run(Session& session, const EditCommand& command);

struct WhoAmICommand {};
Exit run(Session& session, const WhoAmICommand& command);

// Without a hub, or with one where it answers.
struct VersionCommand {
  std::string context;
  OutputChoice output;
  bool client = false;  // asks no hub
};
Exit run(const VersionCommand& command);

struct LoginCommand {
  std::string url;
  std::string name;        // of the context; empty: the hub's host
  std::string token_file;  // empty: asked for, or standard input
  std::string ca_file;
  std::string ca_fingerprint;
};
Exit run(Contexts& contexts, const LoginCommand& command);
struct SecretSetCommand {
  std::string name;
  std::vector<std::string> pairs;  // "key=-", "key=@file", "key=value"
  std::optional<std::string> id;
  std::optional<std::string> environment;
  std::vector<std::string> applications;
  bool every_application = false;
  bool dry_run = false;
};
Exit run(Session& session, const SecretSetCommand& command);

struct SecretListCommand {};
Exit run(Session& session, const SecretListCommand& command);

struct SecretRemoveCommand {
  std::string name;
  std::vector<std::string> keys;  // empty: all of it
  bool force = false;
};
Exit run(Session& session, const SecretRemoveCommand& command);

struct TokenListCommand {
  std::string service_account;  // empty: all
};
Exit run(Session& session, const TokenListCommand& command);

struct TokenRevokeCommand {
  std::string service_account;
  std::string token;  // its id
};
Exit run(Session& session, const TokenRevokeCommand& command);

// Without a hub.
struct ContextCommand {
  std::string action = "list";  // "set", "use", "remove", "list"
  std::string name;
  std::string hub;
  std::string token_file;
  std::string ca_file;
};
Exit run(Contexts& contexts, const Terminal& terminal, const ContextCommand& command);

}  // namespace qleet::cli
