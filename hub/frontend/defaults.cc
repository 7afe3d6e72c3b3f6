#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "hub/access/roles.h"
#include "hub/frontend/operation.h"
#include "hub/store/keys.h"
#include "qleet/v1/access.pb.h"
#include "qleet/v1/environment.pb.h"

namespace qleet::hub::frontend {
namespace {

namespace fs = std::filesystem;

const Caller kHub{"hub"};
const std::string kDoneKey = keys::meta("defaults");

Result<std::vector<fs::path>> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file() && it->path().extension() == ".yaml") files.push_back(it->path());
  }
  if (error)
    return fail(Code::kNotFound, fmt::format("profiles in {}: {}", folder.string(), error.message()));
  std::ranges::sort(files);
  return files;
}

Result<std::vector<model::Object>> read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return fail(Code::kUnavailable, fmt::format("{} cannot be read", file.string()));
  auto objects = model::decode(text.str());
  if (objects) return objects;
  auto error = wrap(std::move(objects).error(), file.string());
  for (auto& field : error.fields) field.file = file.string();
  return std::unexpected(std::move(error));
}

model::Object default_environment() {
  auto environment = std::make_unique<v1::Environment>();
  environment->mutable_metadata()->set_name("default");
  environment->mutable_spec()->mutable_regions()->set_selector(
      fmt::format("{}={}", kDefaultRegionLabel, kDefaultRegionValue));
  return environment;
}

}  // namespace

Result<> ensure_defaults(const Context& context, std::string_view profiles_dir) {
  {
    const auto reader = TRY(context.store.snapshot());
    if (TRY(reader->get(kDoneKey))) return {};
  }
  std::vector<model::Object> wanted;
  if (!profiles_dir.empty()) {
    for (const auto& file : TRY(files_in(profiles_dir))) {
      for (auto& object : TRY(read(file))) wanted.push_back(std::move(object));
    }
  }
  const auto is_default = [](const model::Object& object) {
    return model::kind_of(*object).name == "Environment" && model::meta(*object).name() == "default";
  };
  if (std::ranges::none_of(wanted, is_default)) wanted.push_back(default_environment());
  std::vector<model::Object> missing;
  {
    const auto reader = TRY(context.store.snapshot());
    for (auto& object : wanted) {
      if (!TRY(objects::get(*reader, model::kind_of(*object), model::meta(*object).name())))
        missing.push_back(std::move(object));
    }
  }
  if (!missing.empty()) TRY(apply(context, kHub, missing));
  const auto done = in_transaction(context, [&](controllers::Work& work) -> Result<> {
    for (const auto& role : access::builtin_roles()) {
      auto copy = role;
      TRY(objects::put_spec(work.txn, copy, work.stamp));
    }
    work.txn.put(kDoneKey, "1");
    return {};
  });
  if (!done) return std::unexpected(done.error());
  return {};
}

}  // namespace qleet::hub::frontend
