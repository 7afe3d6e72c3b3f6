#include "hub/controllers/identity.h"

#include <fmt/format.h>

#include "common/crypto/token.h"

namespace qleet::hub::controllers {
namespace {

constexpr size_t kMaxId = 63;
constexpr size_t kTail = 8;

// Ids grow with depth; a long one keeps its beginning, for people, and a digest of the whole.
std::string bounded(std::string id) {
  if (id.size() <= kMaxId) return id;
  const auto tail = crypto::sha256_hex(id).substr(0, kTail);
  return id.substr(0, kMaxId - kTail - 1) + "-" + tail;
}

std::string_view or_dash(std::string_view segment) { return segment.empty() ? "-" : segment; }

}  // namespace

std::string Identity::name(std::string_view type) const {
  return fmt::format("{}.{}.{}.{}.{}", home.region, or_dash(home.environment), or_dash(home.application),
                     type, id);
}

Identity identify(std::string_view scope, const Asker& asker, std::string_view alias, std::string_view id) {
  Identity identity;
  identity.home = asker.home;
  const bool shared = scope == "environment" || scope == "region";
  if (shared) identity.home.application.clear();
  if (scope == "region") identity.home.environment.clear();
  if (!id.empty()) {
    identity.id = bounded(std::string(id));
  } else if (shared) {
    identity.id = "default";
  } else {
    // Two askers of differing type may have the same id unless it was made here.
    const bool plain = asker.type.empty() || asker.own_id;
    identity.id = bounded(plain ? fmt::format("{}-{}", asker.id, alias)
                                : fmt::format("{}-{}-{}", asker.type, asker.id, alias));
    identity.own_id = true;
  }
  return identity;
}

}  // namespace qleet::hub::controllers
