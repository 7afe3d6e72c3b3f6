#include "hub/store/lmdb_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "hub/store/buffered_txn.h"
#include "hub/store/change_log.h"

namespace qleet::hub::lmdb {
namespace {

struct CloseCursor {
  void operator()(MDB_cursor* cursor) const { mdb_cursor_close(cursor); }
};
using Cursor = std::unique_ptr<MDB_cursor, CloseCursor>;

Result<Cursor> open_cursor(const Env& env, MDB_txn* txn, MDB_dbi dbi) {
  MDB_cursor* cursor = nullptr;
  if (int rc = mdb_cursor_open(txn, dbi, &cursor)) return std::unexpected(env.error(rc, "read"));
  return Cursor(cursor);
}

Result<Entry> to_entry(std::string_view key, std::string_view stored) {
  const Revision revision = TRY(decode_revision(stored));
  return Entry{std::string(key), std::string(stored.substr(8)), revision};
}

Result<Change> to_change(std::string_view key, std::string_view record) {
  const Revision revision = TRY(decode_revision(key));
  size_t size = 0;
  if (record.size() >= 3) {
    size = static_cast<unsigned char>(record[1]) << 8 | static_cast<unsigned char>(record[2]);
  }
  if (record.size() < 3 + size) {
    return fail(Code::kInternal, "store: a record of the change log is too short: restore a backup");
  }
  const auto kind = static_cast<LogKind>(record[0]);
  return Change{revision, std::string(record.substr(3, size)), kind == LogKind::kErased,
                kind == LogKind::kCreated, std::string(record.substr(3 + size))};
}

}  // namespace

Result<std::optional<Entry>> View::get(std::string_view key) const {
  TRY(check_key(key));
  MDB_val k = val(key);
  MDB_val v{};
  const int rc = mdb_get(txn_, env_.data(), &k, &v);
  if (rc == MDB_NOTFOUND) return std::nullopt;
  if (rc != 0) return std::unexpected(env_.error(rc, "read"));
  return TRY(to_entry(key, view(v)));
}

Result<std::vector<Entry>> View::scan(const Range& range) const {
  const std::string& start = std::max(range.prefix, range.after);
  if (!start.empty()) TRY(check_key(start));
  const Cursor cursor = TRY(open_cursor(env_, txn_, env_.data()));
  std::vector<Entry> entries;
  MDB_val key = val(start);
  MDB_val value{};
  int rc = mdb_cursor_get(cursor.get(), &key, &value, start.empty() ? MDB_FIRST : MDB_SET_RANGE);
  if (rc == 0 && !range.after.empty() && view(key) == range.after) {
    rc = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT);
  }
  while (rc == 0 && entries.size() < range.limit && view(key).starts_with(range.prefix)) {
    entries.push_back(TRY(to_entry(view(key), view(value))));
    rc = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT);
  }
  if (rc != 0 && rc != MDB_NOTFOUND) return std::unexpected(env_.error(rc, "scan"));
  return entries;
}

Result<std::vector<Change>> read_log(const Env& env, MDB_txn* txn, Revision after, size_t limit) {
  const Revision floor = TRY(get_meta_revision(env, txn, meta::kLogFloor));
  const Revision current = TRY(get_meta_revision(env, txn, meta::kRevision));
  TRY(check_log_reaches(after, floor, current));
  const Cursor cursor = TRY(open_cursor(env, txn, env.log()));
  const std::string start = encode_revision(after + 1);
  std::vector<Change> changes;
  MDB_val key = val(start);
  MDB_val value{};
  int rc = mdb_cursor_get(cursor.get(), &key, &value, MDB_SET_RANGE);
  while (rc == 0) {
    Change change = TRY(to_change(view(key), view(value)));
    if (changes.size() >= limit && (changes.empty() || change.revision != changes.back().revision)) break;
    changes.push_back(std::move(change));
    rc = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT);
  }
  if (rc != 0 && rc != MDB_NOTFOUND) return std::unexpected(env.error(rc, "read the change log"));
  return changes;
}

Result<LogSize> log_size(const Env& env, MDB_txn* txn) {
  MDB_stat stat{};
  if (int rc = mdb_stat(txn, env.log(), &stat)) return std::unexpected(env.error(rc, "stat"));
  const size_t pages = stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
  return LogSize{stat.ms_entries, pages * stat.ms_psize};
}

int append_log(const Env& env, MDB_txn* txn, Revision revision, std::uint32_t index, LogKind kind,
               std::string_view key, std::string_view value) {
  std::string position = encode_revision(revision);
  for (int shift = 24; shift >= 0; shift -= 8) position += static_cast<char>((index >> shift) & 0xff);
  MDB_val k = val(position);
  MDB_val v{3 + key.size() + value.size(), nullptr};
  if (int rc = mdb_put(txn, env.log(), &k, &v, MDB_APPEND | MDB_RESERVE)) return rc;
  char* out = static_cast<char*>(v.mv_data);
  *out++ = static_cast<char>(kind);
  *out++ = static_cast<char>(key.size() >> 8);
  *out++ = static_cast<char>(key.size() & 0xff);
  out = std::copy(key.begin(), key.end(), out);
  std::copy(value.begin(), value.end(), out);
  return 0;
}

int trim_log(const Env& env, MDB_txn* txn, const LogBound& bound) {
  auto size = log_size(env, txn);
  if (!size) return MDB_CORRUPTED;
  const bool over = size->entries > bound.max_entries || size->bytes > bound.max_bytes;
  if (!over && bound.before == 0) return 0;

  MDB_cursor* raw = nullptr;
  if (int rc = mdb_cursor_open(txn, env.log(), &raw)) return rc;
  const Cursor cursor(raw);
  MDB_val key{};
  MDB_val value{};
  int rc = mdb_cursor_get(cursor.get(), &key, &value, MDB_LAST);
  if (rc == MDB_NOTFOUND) return 0;
  if (rc != 0) return rc;
  const Revision newest = decode_revision(view(key)).value_or(0);

  Revision removed = 0;
  size_t count = 0;
  while ((rc = mdb_cursor_get(cursor.get(), &key, &value, MDB_FIRST)) == 0) {
    const Revision oldest = decode_revision(view(key)).value_or(0);
    if (oldest != removed) {
      size = log_size(env, txn);
      if (!size) return MDB_CORRUPTED;
      const bool too_big = size->entries > bound.max_entries || size->bytes > bound.max_bytes;
      if (oldest >= bound.before && (!too_big || oldest == newest || count >= bound.budget)) break;
    }
    rc = mdb_cursor_del(cursor.get(), 0);
    if (rc != 0) return rc;
    removed = oldest;
    ++count;
  }
  if (rc != 0 && rc != MDB_NOTFOUND) return rc;
  const auto floor = get_meta_revision(env, txn, meta::kLogFloor);
  if (!floor) return MDB_CORRUPTED;
  return removed > *floor ? put_meta(env, txn, meta::kLogFloor, encode_revision(removed)) : 0;
}

}  // namespace qleet::hub::lmdb
