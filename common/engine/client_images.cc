#include <fmt/format.h>

#include "common/engine/answers.h"
#include "common/engine/client.h"
#include "common/engine/errors.h"
#include "common/engine/json.h"
#include "common/model/reasons.h"

namespace qleet::containers {

namespace {

namespace json = boost::json;

// base64url, as X-Registry-Auth wants it.
std::string base64url(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8U | static_cast<unsigned char>(c);
    count += 8;
    while (count >= 6) {
      count -= 6;
      out += kDigits[bits >> static_cast<unsigned>(count) & 63U];
    }
  }
  if (count > 0) out += kDigits[bits << static_cast<unsigned>(6 - count) & 63U];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

// "repository:tag" and "repository@digest" as the two parameters that engines take.
std::string pull_query(std::string_view reference) {
  const std::size_t digest = reference.find('@');
  if (digest != std::string_view::npos) {
    // A tag before a digest says nothing that the digest does not.
    std::string_view repository = reference.substr(0, digest);
    const std::size_t colon = repository.rfind(':');
    if (colon != std::string_view::npos && repository.find('/', colon) == std::string_view::npos) {
      repository = repository.substr(0, colon);
    }
    return fmt::format("fromImage={}&tag={}", http::encode(repository),
                       http::encode(reference.substr(digest + 1)));
  }
  const std::size_t colon = reference.rfind(':');
  if (colon != std::string_view::npos && reference.find('/', colon) == std::string_view::npos) {
    return fmt::format("fromImage={}&tag={}", http::encode(reference.substr(0, colon)),
                       http::encode(reference.substr(colon + 1)));
  }
  return fmt::format("fromImage={}&tag=latest", http::encode(reference));
}

// A reference as a piece of a path: its slashes stay, engines route by them.
std::string path_of(std::string_view reference) {
  std::string out;
  for (std::size_t start = 0; start <= reference.size();) {
    const std::size_t end = std::min(reference.find('/', start), reference.size());
    if (start > 0) out += '/';
    out += http::encode(reference.substr(start, end - start));
    start = end + 1;
  }
  return out;
}

}  // namespace

Result<Image> Client::inspect_image(std::string_view reference) {
  auto body = fetch({.what = fmt::format("look at image {}", reference),
                     .path = fmt::format("/images/{}/json", path_of(reference))});
  if (!body) {
    Error error = std::move(body).error();
    if (error.code == Code::kNotFound) error.reason = reasons::kImageMissing;
    return std::unexpected(std::move(error));
  }
  return image_of(TRY(read::parse(*body)));
}

Result<> Client::pull(std::string_view reference, const std::optional<RegistryAuth>& auth,
                      const std::function<void(std::string_view)>& progress, std::stop_token stop) {
  const std::string what = fmt::format("pull image {}", reference);
  std::string failure;
  LineReader lines([&](std::string_view line) {
    auto said = pull_line(line);
    if (!said.error.empty()) failure = std::move(said.error);
    if (progress) progress(said.status);
    return true;
  });
  Call pull{.what = what,
            .method = "POST",
            .path = "/images/create?" + pull_query(reference),
            .timeout = Millis(0)};
  if (auth) {
    const json::object credentials{
        {"username", auth->username}, {"password", auth->password}, {"serveraddress", auth->server}};
    pull.headers.emplace_back("X-Registry-Auth", base64url(json::serialize(credentials)));
  }
  http::Request request = request_of(pull);
  request.idle_timeout = Millis(600'000);
  request.stop = std::move(stop);
  const auto response = http_.stream(request, [&](std::string_view bytes) { return lines.feed(bytes); });
  if (!response) {
    Error error = wrap(response.error(), what);
    if (error.code == Code::kUnavailable) error.reason = reasons::kHostUnavailable;
    return std::unexpected(std::move(error));
  }
  lines.flush();
  if (response->status >= 400) {
    const Error error = refused(response->status, response->body, what);
    return std::unexpected(pull_refused(reference, error.message));
  }
  if (!failure.empty()) return std::unexpected(pull_refused(reference, failure));
  return {};
}

Result<> Client::import_image(std::string_view reference, std::string tar,
                              const std::vector<std::string>& changes) {
  // Podman 4.3 ignores the tag parameter here and takes it from the name.
  std::string path = "/images/create?fromSrc=-&repo=" + http::encode(reference);
  for (const auto& change : changes) path += "&changes=" + http::encode(change);
  TRY(call({.what = fmt::format("import image {}", reference),
            .method = "POST",
            .path = path,
            .body = std::move(tar),
            .content_type = "application/x-tar",
            .timeout = Millis(120'000)}));
  return {};
}

Result<> Client::remove_image(std::string_view reference) {
  const auto done = call({.what = fmt::format("remove image {}", reference),
                          .method = "DELETE",
                          .path = fmt::format("/images/{}?force=true", path_of(reference))});
  if (!done && done.error().code != Code::kNotFound) return std::unexpected(done.error());
  return {};
}

}  // namespace qleet::containers
