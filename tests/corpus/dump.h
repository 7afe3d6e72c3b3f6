// What is recorded, as text: the same for the recorder and for the test that reads it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "agent/journal/journal.h"
#include "google/protobuf/message.h"
#include "hub/store/store.h"

namespace qleet::corpus {

inline constexpr const char* kKinds[] = {"Delta",        "Poke",        "StatusAck",
                                         "LogsRequest",  "SyncRequest", "SyncBatch",
                                         "StatusReport", "Heartbeat",   "LogsChunk"};

// Of a message on this subject; empty: none of the protocol.
std::string kind_of(std::string_view subject);
std::unique_ptr<google::protobuf::Message> new_message(const std::string& kind);
// The names of all fields that are set, at any depth, each once.
std::string fields_of(const google::protobuf::Message& message);
std::string json_of(const google::protobuf::Message& message);

// One line per key; objects as JSON.
std::string dump(const hub::Store& store);
// Secrets included: they are of a recording.
std::string dump(const agent::JournalContents& contents);

void write_file(const std::filesystem::path& file, const std::string& content);
std::string read_file(const std::filesystem::path& file);
// The data file, compacted.
void copy_lmdb(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace qleet::corpus
