#include "providers/container/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "common/template/fields.h"
#include "providers/container/names.h"
#include "providers/container/shapes.h"

namespace qleet::container {

namespace {

using google::protobuf::Struct;
using templates::as_text;
using templates::check;
using templates::Fields;
using templates::parse_bytes;

using google::protobuf::Value;

constexpr unsigned kHighestMode = 07777;

unsigned parse_mode(Fields& fields, unsigned otherwise) {
  const std::string text = fields.text("mode");
  if (text.empty()) return otherwise;
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc{} || end != text.data() + text.size() || mode > kHighestMode) {
    fields.wrong("mode", "must be octal permissions such as \"0644\"");
    return otherwise;
  }
  return mode;
}

void check_target(Fields& fields, std::string_view name, const std::string& target) {
  if (!is_target(target)) fields.wrong(name, "must be an absolute path without \"..\" and \":\"");
}

std::vector<FileSpec> parse_files(Fields& fields) {
  std::vector<FileSpec> out;
  const Value* value = fields.find("files");
  if (!value) return out;
  if (value->kind_case() == Value::kStructValue) {
    for (auto& [target, content] : fields.map("files")) {
      check_target(fields, "files." + target, target);
      out.push_back({.target = target, .content = content});
    }
    return out;
  }
  int index = 0;
  for (const Value* item : fields.values("files")) {
    const std::string at = fmt::format("files[{}]", index++);
    if (item->kind_case() != Value::kStructValue) {
      fields.wrong(at, "must be an object with target and content");
      continue;
    }
    Fields file(item->struct_value(), fields.path(at), fields.errors());
    file.only(shapes::kFile);
    FileSpec spec;
    spec.target = file.required("target");
    check_target(file, "target", spec.target);
    spec.content = file.text("content");
    if (file.has("binaryContent")) {
      if (auto bytes = decode_base64(file.text("binaryContent"))) {
        spec.content = std::move(*bytes);
      } else {
        file.wrong("binaryContent", "must be base64");
      }
    }
    spec.mode = parse_mode(file, spec.mode);
    out.push_back(std::move(spec));
  }
  return out;
}

std::vector<MountSpec> parse_volumes(Fields& fields) {
  std::vector<MountSpec> out;
  const Struct* volumes = fields.object("volumes");
  if (!volumes) return out;
  for (const auto& [target, value] : volumes->fields()) {
    const std::string at = "volumes." + target;
    check_target(fields, at, target);
    if (const auto name = as_text(value); name && is_volume_name(*name)) {
      out.push_back({.volume = *name, .target = target});
    } else if (value.kind_case() == Value::kStructValue) {
      Fields mount(value.struct_value(), fields.path(at), fields.errors());
      mount.only(shapes::kMount);
      const std::string volume = mount.required("name");
      if (!volume.empty() && !is_volume_name(volume))
        mount.wrong("name", "must name a volume, and is no path");
      out.push_back({.volume = volume, .target = target, .read_only = mount.flag("readOnly", false)});
    } else {
      fields.wrong(at, "must be the name of a volume");
    }
  }
  std::ranges::sort(out, {}, &MountSpec::target);
  return out;
}

PortSpec parse_port(Fields& fields, const std::string& at, const Value& value) {
  PortSpec port;
  if (value.kind_case() == Value::kStructValue) {
    Fields entry(value.struct_value(), fields.path(at), fields.errors());
    entry.only(shapes::kPort);
    port.container = static_cast<std::uint16_t>(entry.number("port", 1, 65535).value_or(0));
    if (!entry.has("port")) entry.wrong("port", "is needed");
    port.protocol = entry.text("protocol", "tcp");
    std::ranges::transform(port.protocol, port.protocol.begin(),
                           [](char c) { return static_cast<char>(std::tolower(c)); });
    if (port.protocol != "tcp" && port.protocol != "udp")
      entry.wrong("protocol", "must be \"tcp\" or \"udp\"");
    port.host = static_cast<std::uint16_t>(entry.number("hostPort", 0, 65535).value_or(0));
    port.publish = entry.flag("publish", entry.has("hostPort"));
    port.host_ip = entry.text("hostIp", port.host_ip);
    return port;
  }
  const auto text = as_text(value);
  unsigned number = 0;
  const auto end = text ? std::from_chars(text->data(), text->data() + text->size(), number).ptr : nullptr;
  if (!text || end != text->data() + text->size() || number < 1 || number > 65535) {
    fields.wrong(at, "must be a port from 1 to 65535");
  }
  port.container = static_cast<std::uint16_t>(number);
  return port;
}

CheckSpec parse_check(Fields& fields, std::string_view name) {
  CheckSpec check;
  const Struct* object = fields.object(name);
  if (!object) return check;
  Fields entry(*object, fields.path(name), fields.errors());
  entry.only(shapes::kCheck);
  if (entry.has("http") + entry.has("tcp") + entry.has("exec") != 1) {
    fields.wrong(name, "needs exactly one of http, tcp and exec");
  }
  if (const Struct* http = entry.object("http")) {
    Fields inner(*http, entry.path("http"), fields.errors());
    inner.only(shapes::kHttpCheck);
    check.how = CheckSpec::How::kHttp;
    check.port = static_cast<std::uint16_t>(inner.number("port", 1, 65535).value_or(80));
    check.path = inner.text("path", "/");
    check.host = inner.text("host");
    check.tls = inner.text("scheme", "http") == "https";
    check.headers = inner.map("headers");
  } else if (entry.has("tcp")) {
    check.how = CheckSpec::How::kTcp;
    check.port = static_cast<std::uint16_t>(entry.number("tcp", 1, 65535).value_or(0));
  } else if (entry.has("exec")) {
    check.how = CheckSpec::How::kExec;
    check.command = entry.list("exec");
    if (check.command.empty()) entry.wrong("exec", "must not be empty");
  }
  check.interval = entry.duration("interval", check.interval);
  check.timeout = entry.duration("timeout", check.timeout);
  check.failures = static_cast<unsigned>(entry.number("failures", 1, 100).value_or(check.failures));
  return check;
}

ProcessSpec parse_process(Fields& fields) {
  ProcessSpec out;
  out.image = fields.required("image");
  out.command = fields.list("command");
  out.args = fields.list("args");
  out.env = fields.map("env");
  out.secrets = fields.map("secrets");
  const std::string as = fields.text("secretsAs", "files");
  if (as != "files" && as != "env") fields.wrong("secretsAs", "must be \"files\" or \"env\"");
  out.secrets_as_env = as == "env";
  for (const auto& [name, value] : out.secrets) {
    if (name.find('/') != std::string::npos || name.starts_with('.')) {
      fields.wrong("secrets." + name, "must be a plain name");
    }
  }
  out.files = parse_files(fields);
  out.volumes = parse_volumes(fields);
  out.tmpfs = fields.list("tmpfs");
  out.user = fields.text("user");
  out.working_dir = fields.text("workingDir");
  out.memory = fields.bytes("memory");
  out.nano_cpus = fields.cpus("cpu");
  out.shm_size = fields.bytes("shmSize");
  if (const Struct* ulimits = fields.object("ulimits")) {
    Fields entry(*ulimits, fields.path("ulimits"), fields.errors());
    entry.only(shapes::kLimits);
    out.nofile = entry.number("nofile", 16, 1ULL << 40U);
    out.nproc = entry.number("nproc", 1, 1ULL << 40U);
  }
  return out;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> static_cast<unsigned>(count) & 0xffU);
    }
  }
  return out;
}

bool is_target(std::string_view path) {
  return path.starts_with('/') && !(std::string(path) + "/").contains("/../") && !path.contains(':');
}

Result<Kind> kind_of(const ProviderResource& resource) {
  std::vector<FieldError> errors;
  Fields fields(resource.template_, "template", errors);
  const std::string kind = fields.text("kind");
  if (kind == "host" || (kind.empty() && resource.type == "container-host")) return Kind::kHost;
  if (kind == "volume" || (kind.empty() && resource.type == "volume")) return Kind::kVolume;
  if (kind == "container") return Kind::kContainer;
  if (kind == "workload" || (kind.empty() && fields.has("score"))) return Kind::kWorkload;
  if (kind == "exec" || (kind.empty() && fields.has("container"))) return Kind::kExec;
  if (kind.empty() && fields.has("image")) return Kind::kContainer;
  fields.wrong("kind", kind.empty()
                           ? "is needed: one of host, volume, container, workload, exec"
                           : fmt::format("\"{}\" is none of host, volume, container, workload, exec", kind));
  TRY(check(std::move(errors)));
  return Kind::kContainer;
}

Result<HostSpec> parse_host(const Struct& object) {
  std::vector<FieldError> errors;
  Fields fields(object, "template", errors);
  fields.only(shapes::kHost);
  HostSpec out{.subnet = fields.text("subnet"), .address = fields.text("address", "127.0.0.1")};
  TRY(check(std::move(errors)));
  return out;
}

Result<VolumeSpec> parse_volume(const Struct& object) {
  std::vector<FieldError> errors;
  Fields fields(object, "template", errors);
  fields.only(shapes::kVolume);
  VolumeSpec out{.size = fields.text("size")};
  if (!out.size.empty() && !parse_bytes(out.size)) fields.wrong("size", "must be a size such as \"10Gi\"");
  TRY(check(std::move(errors)));
  return out;
}

Result<ContainerSpec> parse_container(const Struct& object) {
  std::vector<FieldError> errors;
  Fields fields(object, "template", errors);
  fields.only(shapes::kContainer);
  ContainerSpec out;
  out.process = parse_process(fields);
  int index = 0;
  for (const Value* value : fields.values("ports")) {
    out.ports.push_back(parse_port(fields, fmt::format("ports[{}]", index++), *value));
  }
  out.health = parse_check(fields, "health");
  out.network = fields.text("network");
  out.alias = fields.text("alias");
  out.grace = fields.duration("stopGrace", out.grace);
  out.start_within = fields.duration("startWithin", out.start_within);
  TRY(check(std::move(errors)));
  return out;
}

Result<ExecTarget> parse_exec(const Struct& object) {
  std::vector<FieldError> errors;
  Fields fields(object, "template", errors);
  fields.only(shapes::kExec);
  ExecTarget out;
  out.container = fields.required("container");
  out.env = fields.map("env");
  out.secrets = fields.map("secrets");
  out.user = fields.text("user");
  out.check = fields.list("check");
  out.data = fields.list("data");
  if (out.check.empty())
    fields.wrong("check", "is needed: the command that tells whether it is there already");
  const auto commands = [&](std::string_view name) {
    std::vector<std::vector<std::string>> list;
    int index = 0;
    for (const Value* value : fields.values(name)) {
      std::vector<std::string> command;
      if (value->kind_case() == Value::kListValue) {
        for (const auto& word : value->list_value().values()) command.push_back(as_text(word).value_or(""));
      }
      if (command.empty())
        fields.wrong(fmt::format("{}[{}]", name, index), "must be a command: a list of texts");
      list.push_back(std::move(command));
      ++index;
    }
    return list;
  };
  out.create = commands("create");
  if (out.create.empty()) fields.wrong("create", "is needed: the commands that make it");
  out.remove = commands("delete");
  out.timeout = fields.duration("timeout", out.timeout);
  TRY(check(std::move(errors)));
  return out;
}

}  // namespace qleet::container
