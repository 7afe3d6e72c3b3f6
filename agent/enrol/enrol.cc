#include "agent/enrol/enrol.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <google/protobuf/util/json_util.h>

#include "common/crypto/certificate.h"
#include "common/crypto/encoding.h"
#include "common/crypto/nkey.h"
#include "common/crypto/private_file.h"
#include "common/http/client.h"
#include "common/http/problem.h"
#include "common/log/log.h"
#include "common/model/model.h"
#include "qleet/v1/operations.pb.h"

namespace qleet::agent {
namespace {

namespace fs = std::filesystem;
constexpr log::Logger kLog{"enrol"};

fs::path seed_file(const fs::path& state) { return state / "identity/agent.seed"; }
fs::path tls_key_file(const fs::path& state) { return state / "identity/tls.key"; }
fs::path certificate_file(const fs::path& state) { return state / "identity/tls.crt"; }
fs::path owner_file(const fs::path& state) { return state / "identity/owner"; }
fs::path identity_file(const fs::path& state) { return state / "identity/identity.json"; }

// The key of an earlier try, or a new one.
Result<crypto::NKey> own_key(const fs::path& state, crypto::Random& random) {
  if (fs::exists(seed_file(state)))
    return crypto::NKey::from_seed(TRY(crypto::read_private_file(seed_file(state))));
  std::error_code error;
  fs::create_directories(seed_file(state).parent_path(), error);
  if (error) return fail(Code::kInvalid, state.string() + ": " + error.message());
  fs::permissions(state, fs::perms::owner_all, error);
  auto key = crypto::NKey::generate(crypto::KeyKind::kUser, random);
  TRY(crypto::create_private_file(seed_file(state), key.seed()));
  return key;
}

Result<std::string> own_tls_key(const fs::path& state) {
  if (!fs::exists(tls_key_file(state)))
    TRY(crypto::write_private_file(tls_key_file(state), TRY(crypto::make_client_key())));
  return crypto::read_private_file(tls_key_file(state));
}

fs::path box_key_file(const fs::path& state) { return state / "identity/box.key"; }

// One that cannot be read is as good as lost: what was sealed to it the hub seals anew.
Result<crypto::BoxKeyPair> own_box_keys(const fs::path& state, crypto::Random& random) {
  if (fs::exists(box_key_file(state))) {
    const auto stored = crypto::unbase64url(TRY(crypto::read_private_file(box_key_file(state))));
    const auto public_key = crypto::box_public_key(stored.value_or(""));
    if (public_key) return crypto::BoxKeyPair{*public_key, *stored};
    kLog.warn("the key that secrets are sealed to is damaged; another is made",
              {{"file", box_key_file(state).string()}});
  }
  auto keys = crypto::make_box_keys(random);
  TRY(crypto::write_private_file(box_key_file(state), crypto::base64url(keys.private_key)));
  return keys;
}

// A hub of before does not know all that is told to it, and has changed nothing.
Error refusal_of(const http::Response& answered, const std::string& hub) {
  auto error = http::error_of(answered);
  std::vector<std::string> unknown;
  for (const auto& field : error.fields)
    if (field.message.starts_with("unknown field")) unknown.push_back(field.field);
  if (unknown.empty() || unknown.size() != error.fields.size())
    return wrap(std::move(error), "the hub refused");
  return {Code::kUnsupported,
          fmt::format(
              "hub {} is older than this agent (it does not know {}): upgrade the hub first, or enrol with "
              "an agent of its version",
              hub, fmt::join(unknown, ", ")),
          {}};
}

}  // namespace

Result<> store_certificate(const fs::path& state, const std::string& certificate_pem) {
  return crypto::write_private_file(certificate_file(state), certificate_pem);
}

Result<> store_identity(const fs::path& state, v1::Identity identity) {
  identity.clear_nats_client_certificate();
  return crypto::write_private_file(identity_file(state), model::to_json(identity, true) + "\n");
}

Result<v1::Identity> enrol(const EnrolOptions& options, crypto::Random& random) {
  if (fs::exists(identity_file(options.state))) {
    return fail(Code::kExists,
                options.state.string() + " holds an enrolled agent already; run it, or give another --state");
  }
  if (!model::is_name(options.name))
    return fail(Code::kInvalid,
                "--name: \"" + options.name + "\" is no name: lower-case letters, digits and -");
  const auto key = TRY(own_key(options.state, random));

  qleet::v1::EnrolRequest request;
  request.set_token(options.token);
  request.set_agent(options.name);
  request.set_public_key(key.public_key());
  request.set_version(QLEET_VERSION);
  request.set_box_key(crypto::base64url(TRY(own_box_keys(options.state, random)).public_key));
  request.set_tls_request(
      TRY(crypto::make_certificate_request(TRY(own_tls_key(options.state)), options.name)));
  http::Client client({.tls = {.ca_pem = {}, .pinned_ca_sha256 = options.ca_fingerprint}});
  auto answered = client.post(options.hub_url + "/v1/enrol", model::to_json(request),
                              {{"Content-Type", "application/json"}});
  if (!answered) return std::unexpected(wrap(std::move(answered).error(), "hub " + options.hub_url));
  if (!answered->ok()) return std::unexpected(refusal_of(*answered, options.hub_url));

  qleet::v1::EnrolResult result;
  google::protobuf::util::JsonParseOptions tolerant;
  tolerant.ignore_unknown_fields = true;
  if (!google::protobuf::util::JsonStringToMessage(answered->body, &result, tolerant).ok() ||
      result.nats_jwt().empty() || result.nats_urls().empty()) {
    return fail(Code::kUnsupported, "the hub's answer is not understood; is it a QleetOS hub?");
  }
  v1::Identity identity;
  identity.set_name(result.agent().metadata().name());
  identity.set_region(result.agent().spec().region());
  identity.set_hub_url(options.hub_url);
  identity.set_hub_ca(answered->ca_pem);
  *identity.mutable_nats_urls() = result.nats_urls();
  identity.set_nats_jwt(result.nats_jwt());
  identity.set_nats_ca(result.nats_ca());
  identity.set_nats_server_name(result.nats_server_name());
  identity.set_epoch(result.epoch());
  if (!fs::exists(owner_file(options.state))) {
    const auto mark = crypto::sha256_hex(identity.hub_ca()).substr(0, 8);
    TRY(crypto::write_private_file(owner_file(options.state), identity.name() + "." + mark));
  }
  if (!result.nats_client_certificate().empty())
    TRY(store_certificate(options.state, result.nats_client_certificate()));
  TRY(store_identity(options.state, identity));
  return identity;
}

Result<StoredIdentity> load_identity(const fs::path& state, crypto::Random& random) {
  if (!fs::exists(identity_file(state))) {
    return fail(
        Code::kNotFound,
        state.string() +
            " holds no enrolled agent; run the line that qleet agent join-token --region REGION prints");
  }
  StoredIdentity stored;
  const std::string text = TRY(crypto::read_private_file(identity_file(state)));
  google::protobuf::util::JsonParseOptions tolerant;
  tolerant.ignore_unknown_fields = true;
  if (!google::protobuf::util::JsonStringToMessage(text, &stored.identity, tolerant).ok()) {
    // Alone: beside it lies the key of the journal, without which all generated secrets are lost.
    return fail(Code::kInvalid,
                identity_file(state).string() + " is damaged; remove this file alone, and enrol again");
  }
  stored.seed = TRY(crypto::read_private_file(seed_file(state)));
  stored.owner = TRY(crypto::read_private_file(owner_file(state)));
  stored.tls_key = TRY(own_tls_key(state));
  stored.box = TRY(own_box_keys(state, random));
  const auto certificate = crypto::read_private_file(certificate_file(state));
  if (certificate && crypto::belong_together(*certificate, stored.tls_key))
    stored.identity.set_nats_client_certificate(*certificate);
  return stored;
}

}  // namespace qleet::agent
