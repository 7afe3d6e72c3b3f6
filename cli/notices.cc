#include "cli/notices.h"

#include <algorithm>
#include <cctype>

#include "cli/session.h"

namespace qleet::cli {
namespace {

constexpr std::string_view kDeleted = "Deleted";

bool is_deleted(const v1::DataNotice& notice) { return notice.fate() == kDeleted; }

}  // namespace

std::string describe_data(const Notices& notices, When when) {
  const auto fate = [&](const v1::DataNotice& notice) {
    return when == When::kDone ? notice.fate() : "Would be " + lower(notice.fate());
  };
  std::string text;
  for (const bool deleted : {true, false}) {
    for (const auto& notice : notices)
      if (is_deleted(notice) == deleted) text += fate(notice) + ": " + notice.message() + "\n";
  }
  return text;
}

void print_data(const Notices& notices, When when) { print(describe_data(notices, when)); }

bool deletes_data(const Notices& notices) { return std::ranges::any_of(notices, is_deleted); }

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace qleet::cli
