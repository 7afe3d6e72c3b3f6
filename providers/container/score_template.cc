// A Score document as containers.
#include <fmt/format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <charconv>

#include "common/template/fields.h"
#include "providers/container/names.h"
#include "providers/container/shapes.h"
#include "providers/container/start_order.h"
#include "providers/container/template.h"
#include "qleet/v1/score.pb.h"

namespace qleet::container {

namespace {

using google::protobuf::Struct;
using templates::check;
using templates::Fields;
using templates::parse_bytes;
using templates::parse_cpus;

CheckSpec check_of(const v1::ScoreProbe& probe, const std::string& path, std::vector<FieldError>& errors) {
  CheckSpec check;
  if (probe.has_exec()) {
    check.how = CheckSpec::How::kExec;
    check.command.assign(probe.exec().command().begin(), probe.exec().command().end());
    if (check.command.empty())
      errors.push_back({.field = path + ".exec.command", .message = "must not be empty"});
  } else if (probe.has_http_get()) {
    const auto& get = probe.http_get();
    check.how = CheckSpec::How::kHttp;
    check.port = static_cast<std::uint16_t>(get.port());
    if (get.port() == 0 || get.port() > 65535) {
      errors.push_back({.field = path + ".httpGet.port", .message = "must be a port from 1 to 65535"});
    }
    check.path = get.path().empty() ? "/" : get.path();
    check.host = get.host();
    check.tls = get.scheme() == "HTTPS" || get.scheme() == "https";
    for (const auto& header : get.http_headers()) check.headers[header.name()] = header.value();
  }
  return check;
}

FileSpec file_of(const v1::ScoreFile& file, const std::string& path, std::vector<FieldError>& errors) {
  FileSpec out{.target = file.target(), .content = file.content(), .mode = 0644};
  if (!is_target(out.target))
    errors.push_back(
        {.field = path + ".target", .message = "must be an absolute path without \"..\" and \":\""});
  if (!file.binary_content().empty()) {
    auto bytes = decode_base64(file.binary_content());
    if (!bytes) errors.push_back({.field = path + ".binaryContent", .message = "must be base64"});
    out.content = bytes.value_or("");
  } else if (!file.source().empty() && file.content().empty()) {
    errors.push_back(
        {.field = path + ".source",
         .message = "a file beside the Score document cannot be read here; put it under content"});
  }
  if (!file.mode().empty()) {
    const auto [end, error] =
        std::from_chars(file.mode().data(), file.mode().data() + file.mode().size(), out.mode, 8);
    if (error != std::errc{} || *end != '\0' || out.mode > 07777) {
      errors.push_back({.field = path + ".mode", .message = "must be octal permissions such as \"0644\""});
    }
  }
  return out;
}

// What this agent does not know is waited for as long as can be.
BeforeSpec::Ready ready_of(const std::string& word) {
  if (word == "started") return BeforeSpec::Ready::kStarted;
  return word == "healthy" ? BeforeSpec::Ready::kHealthy : BeforeSpec::Ready::kComplete;
}

WorkloadContainer container_of(const std::string& name, const v1::ScoreContainer& score,
                               const std::string& path, std::vector<FieldError>& errors) {
  WorkloadContainer out;
  out.name = name;
  auto& process = out.process;
  process.image = score.image();
  if (process.image.empty() || process.image == ".") {
    errors.push_back({.field = path + ".image", .message = "is needed: no build has named one yet"});
  }
  process.command.assign(score.command().begin(), score.command().end());
  process.args.assign(score.args().begin(), score.args().end());
  process.env.insert(score.variables().begin(), score.variables().end());
  for (int i = 0; i < score.files_size(); ++i) {
    process.files.push_back(file_of(score.files(i), fmt::format("{}.files[{}]", path, i), errors));
  }
  for (int i = 0; i < score.volumes_size(); ++i) {
    const auto& volume = score.volumes(i);
    const std::string at = fmt::format("{}.volumes[{}]", path, i);
    if (!is_volume_name(volume.source()))
      errors.push_back({.field = at + ".source", .message = "must name a volume, and is no path"});
    if (!is_target(volume.target()))
      errors.push_back(
          {.field = at + ".target", .message = "must be an absolute path without \"..\" and \":\""});
    // Podman reads a mount out of a line of options.
    if (!volume.path().empty() && volume.target().find_first_of(",\"\n") != std::string::npos)
      errors.push_back(
          {.field = at + ".target", .message = "must hold no comma or quote where path is given"});
    if (!is_target("/" + volume.path()))
      errors.push_back({.field = at + ".path", .message = "must be a path without \"..\" and \":\""});
    process.volumes.push_back({volume.source(), volume.target(), volume.read_only(), volume.path()});
  }
  const auto& limits = score.resources().limits();
  if (!limits.memory().empty()) {
    const auto bytes = parse_bytes(limits.memory());
    if (!bytes) {
      errors.push_back({.field = path + ".resources.limits.memory",
                        .message = "must be a size such as \"64M\" or \"1Gi\""});
    }
    process.memory = bytes.value_or(0);
  }
  if (!limits.cpu().empty()) {
    const auto cpus = parse_cpus(limits.cpu());
    if (!cpus) {
      errors.push_back({.field = path + ".resources.limits.cpu",
                        .message = "must be a number of processors such as \"500m\" or \"1.5\""});
    }
    process.nano_cpus = cpus.value_or(0);
  }
  out.readiness = check_of(score.readiness_probe(), path + ".readinessProbe", errors);
  out.liveness = check_of(score.liveness_probe(), path + ".livenessProbe", errors);
  for (const auto& [other, how] : score.before()) out.before.push_back({other, ready_of(how.ready())});
  std::ranges::sort(out.before, {}, &BeforeSpec::container);
  return out;
}

// A placeholder that was a whole text takes the type of what it stood for (a port: a number); Score wants
// text here.
void make_texts(google::protobuf::Value& value) {
  if (value.kind_case() == google::protobuf::Value::kStructValue) {
    for (auto& [_, inner] : *value.mutable_struct_value()->mutable_fields()) make_texts(inner);
  } else if (value.kind_case() == google::protobuf::Value::kListValue) {
    for (auto& inner : *value.mutable_list_value()->mutable_values()) make_texts(inner);
  } else if (const auto text = templates::as_text(value)) {
    value.set_string_value(*text);
  }
}

Struct with_texts(Struct document) {
  const auto containers = document.mutable_fields()->find("containers");
  if (containers == document.mutable_fields()->end()) return document;
  for (auto& [_, container] : *containers->second.mutable_struct_value()->mutable_fields()) {
    for (auto& [name, value] : *container.mutable_struct_value()->mutable_fields()) {
      if (name == "variables" || name == "command" || name == "args" || name == "image") make_texts(value);
      if (name != "files" && name != "volumes") continue;
      for (auto& entry : *value.mutable_list_value()->mutable_values()) {
        for (auto& [field, inner] : *entry.mutable_struct_value()->mutable_fields()) {
          if (field == "content" || field == "source") make_texts(inner);
        }
      }
    }
  }
  return document;
}

// What the hub adds where somebody asks for the workload as a service; Score has no such field.
std::string hostname_of(const Struct& document) {
  const auto service = document.fields().find("service");
  if (service == document.fields().end()) return {};
  const auto name = service->second.struct_value().fields().find("hostname");
  return name == service->second.struct_value().fields().end() ? std::string() : name->second.string_value();
}

}  // namespace

Result<WorkloadSpec> parse_workload(const Struct& object, const std::string& id) {
  std::vector<FieldError> errors;
  Fields fields(object, "template", errors);
  fields.only(shapes::kWorkload);
  if (const std::string update = fields.text("update", "auto");
      update != "auto" && update != "rolling" && update != "stopFirst")
    fields.wrong("update", "must be \"auto\", \"rolling\" or \"stopFirst\"");
  WorkloadSpec out;
  out.name = fields.text("name", id);
  out.replicas = static_cast<unsigned>(fields.number("replicas", 0, 1000).value_or(1));
  out.network = fields.text("network");
  out.drain = fields.duration("drain", out.drain);
  out.grace = fields.duration("stopGrace", out.grace);
  out.start_within = fields.duration("startWithin", out.start_within);

  v1::Score score;
  if (const Struct* document = fields.object("score")) {
    out.hostname = hostname_of(*document);
    std::string json;
    google::protobuf::util::JsonParseOptions lenient;
    lenient.ignore_unknown_fields = true;  // the hub has checked them; a newer hub may know more
    if (!google::protobuf::util::MessageToJsonString(with_texts(*document), &json).ok() ||
        !google::protobuf::util::JsonStringToMessage(json, &score, lenient).ok()) {
      fields.wrong("score", "is not a Score document");
    }
  } else {
    fields.wrong("score", "is needed: a Score document");
  }
  if (score.containers().empty() && fields.has("score")) {
    fields.wrong("score.containers", "needs at least one container");
  }
  for (const auto& [name, container] : score.containers()) {
    out.containers.push_back(container_of(name, container, "template.score.containers." + name, errors));
  }
  put_in_order(score, out.containers);
  for (const auto& [name, port] : score.service().ports()) {
    ServicePort service{.name = name};
    const std::uint32_t target = port.target_port() == 0 ? port.port() : port.target_port();
    if (port.port() == 0 || port.port() > 65535 || target > 65535) {
      fields.wrong("score.service.ports." + name, "must be ports from 1 to 65535");
    }
    service.port = static_cast<std::uint16_t>(port.port());
    service.target = static_cast<std::uint16_t>(target);
    if (port.protocol() == "UDP") service.protocol = "udp";
    out.ports.push_back(std::move(service));
  }
  std::ranges::sort(out.ports, {}, &ServicePort::name);
  TRY(check(std::move(errors)));
  return out;
}

}  // namespace qleet::container
