// Commands that change one field, or an object in an editor: read, change, write back if nobody else has.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "cli/commands.h"
#include "cli/kinds.h"
#include "cli/objects_view.h"
#include "common/model/model.h"
#include "qleet/v1/region.pb.h"

namespace qleet::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kTriesOfOthers = 5;

std::string address(const model::Kind& kind, const std::string& name) {
  return "/v1/" + std::string(kind.plural) + "/" + http::encode(name);
}

// A file of this user alone, which goes with this object unless it is kept.
class EditedFile {
 public:
  static Result<EditedFile> make(const std::string& text) {
    std::string path = (fs::temp_directory_path() / "qleet-edit-XXXXXX.yaml").string();
    const int fd = ::mkstemps(path.data(), 5);
    if (fd < 0) return fail(Code::kInternal, path + ": cannot be made");
    ::close(fd);
    EditedFile file(path);
    TRY(file.write(text));
    return file;
  }
  EditedFile(EditedFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  EditedFile& operator=(EditedFile&&) = delete;
  ~EditedFile() {
    std::error_code error;
    if (!path_.empty()) fs::remove(path_, error);
  }

  Result<> write(const std::string& text) const {
    std::ofstream out(path_, std::ios::binary | std::ios::trunc);
    out << text;
    out.flush();
    if (!out) return fail(Code::kInternal, path_ + ": cannot be written");
    return {};
  }
  std::string read() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  const std::string& path() const { return path_; }
  // It outlives this object: what somebody wrote is not lost.
  std::string keep() { return std::exchange(path_, {}); }

 private:
  explicit EditedFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

std::string editor() {
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no thread is running
    if (value != nullptr && *value != 0) return value;
  }
  return "vi";
}

// The setting may hold arguments ("code --wait"), so a shell reads it; the path stands apart from it.
Result<> open_editor(const std::string& path) {
  const std::string command = editor() + R"( "$1")";
  const pid_t child = ::fork();
  if (child < 0) return fail(Code::kInternal, "the editor cannot be started");
  if (child == 0) {
    ::execl("/bin/sh", "sh", "-c", command.c_str(), "sh", path.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fail(Code::kInternal, "the editor's end is not known");
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(Code::kInvalid,
                "the editor (" + editor() + ") ended with an error; set EDITOR to another one");
  return {};
}

// Comments at the beginning are ours.
std::string without_comments(std::string_view text) {
  while (text.starts_with("#")) text.remove_prefix(std::min(text.find('\n') + 1, text.size()));
  return std::string(text);
}

std::string as_comments(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += "# " + one_line(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// What people write, without what the hub adds.
Result<std::string> editable(const model::Kind& kind, const std::string& json) {
  auto object = TRY(object_of(kind, json));
  auto& meta = model::meta(*object);
  meta.clear_uid();
  meta.clear_generation();
  meta.clear_resource_version();
  meta.clear_creation_timestamp();
  meta.clear_deletion_timestamp();
  if (const auto* status = object->GetDescriptor()->FindFieldByName("status"))
    object->GetReflection()->ClearField(object.get(), status);
  return model::to_yaml(*object);
}

std::string told(const Error& error) {
  std::string text;
  for (const auto& field : error.fields)
    text += (text.empty() ? "" : "\n") +
            (field.line > 0 ? "line " + std::to_string(field.line) + " of the document: " : std::string()) +
            field.field + ": " + field.message;
  return text.empty() ? error.message : text;
}

// One editing: until the hub takes it, or the text comes back as it was handed out.
class Editing {
 public:
  Editing(Session& session, const model::Kind& kind, std::string name)
      : session_(session), kind_(kind), name_(std::move(name)), path_(address(kind, name_)) {}

  Exit run() {
    const auto read = session_.hub.get_tagged(path_);
    if (!read) return report(read.error());
    const auto text = editable(kind_, read->json);
    if (!text) return report(text.error());
    const std::string original = *text;
    auto made = EditedFile::make(head("") + original);
    if (!made) return report(made.error());
    std::string handed_out = original;
    while (true) {
      if (const auto opened = open_editor(made->path()); !opened)
        return given_up(*made, original, opened.error());
      const std::string edited = without_comments(made->read());
      if (edited == original || edited.find_first_not_of(" \n\t") == std::string::npos) {
        print_note(session_, name_line() + "  unchanged: nothing was edited\n");
        return Exit::kOk;
      }
      const auto sent = session_.hub.send("PUT", path_, edited, {{"If-Match", read->etag}});
      if (sent) {
        if (session_.format == Format::kName) {
          print(std::string(kind_.plural) + "/" + name_ + "\n");
        } else if (session_.for_programs()) {
          return print_objects(session_, {{.kind = &kind_, .items = {*sent}}}, true);
        } else {
          print(name_line() + "  configured\n");
        }
        return Exit::kOk;
      }
      // The same text again after it was refused: there is nothing more that the person wants to do.
      if (edited == handed_out) return given_up(*made, original, sent.error());
      // Whoever was faster is not overwritten.
      if (sent.error().code != Code::kInvalid) return given_up(*made, original, sent.error());
      handed_out = edited;
      const std::string why = told(sent.error());
      if (const auto written = made->write(head(why) + edited); !written) return report(written.error());
    }
  }

 private:
  std::string name_line() const { return std::string(kind_.short_name) + "/" + name_; }
  std::string head(const std::string& why) const {
    std::string text = "# " + std::string(kind_.name) + " " + name_ +
                       ". Save to write it back; leave it as it is to change nothing.\n";
    if (!why.empty()) text += "#\n# It was not taken:\n" + as_comments(why) + "#\n";
    return text;
  }
  Exit given_up(EditedFile& file, const std::string& original, const Error& error) const {
    if (without_comments(file.read()) != original)
      print_error("qleet: nothing was changed; what you wrote is in " + file.keep() + "\n");
    return report(error);
  }

  Session& session_;
  const model::Kind& kind_;
  const std::string name_;
  const std::string path_;
};

}  // namespace

Exit run(Session& session, const EditCommand& command) {
  const auto targets = named_targets_of(command.target);
  if (!targets) return report(targets.error());
  if (targets->size() != 1 || targets->front().names.size() != 1) {
    print_error("qleet: edit takes one object at a time\n");
    return Exit::kUsage;
  }
  const auto& target = targets->front();
  if (!target.kind->user_writable)
    return report(
        {Code::kDenied, std::string(target.kind->plural) + " are the hub's own; they cannot be edited", {}});
  if (target.kind->name == "Secret")
    return report(
        {Code::kDenied, "secrets are never shown, so they cannot be edited; write them with apply", {}});
  return Editing(session, *target.kind, target.names.front()).run();
}

Exit run(Session& session, const CordonCommand& command) {
  const auto& kind = *model::find_kind("Region");
  for (const auto& name : command.regions) {
    std::string did =
        command.cordon ? "cordoned: takes nothing new; what runs goes on" : "takes new things again";
    for (int tries = 1;; ++tries) {
      const auto read = session.hub.get_tagged(address(kind, name));
      if (!read) return report(read.error());
      v1::Region region;
      if (const auto parsed = parse(read->json, region); !parsed) return report(parsed.error());
      if (region.spec().cordoned() == command.cordon) {
        did = command.cordon ? "unchanged: it is cordoned" : "unchanged: it is not cordoned";
        break;
      }
      region.mutable_spec()->set_cordoned(command.cordon);
      const auto sent =
          session.hub.send("PUT", address(kind, name), model::to_json(region), {{"If-Match", read->etag}});
      if (sent) break;
      if (sent.error().code != Code::kConflict || tries == kTriesOfOthers) return report(sent.error());
    }
    if (session.format == Format::kName) {
      print("regions/" + name + "\n");
    } else {
      print_note(session, "region/" + name + "  " + did + "\n");
    }
  }
  return Exit::kOk;
}

}  // namespace qleet::cli
