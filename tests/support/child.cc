#include "tests/support/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <utility>

extern char** environ;

namespace qleet::test {
namespace {

std::vector<std::string> environment_with(const Environment& additions) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!additions.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : additions) out.push_back(name + "=" + value);
  return out;
}

pid_t spawn(const std::vector<std::string>& command, const Environment& environment, int in, int out,
            int err) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> variables = environment_with(environment);
  std::vector<char*> argv;
  std::vector<char*> envp;
  for (auto& argument : arguments) argv.push_back(argument.data());
  for (auto& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child > 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  ::execvpe(argv[0], argv.data(), envp.data());
  ::_exit(127);
}

int open_for(const std::filesystem::path& file, int flags) {
  const int fd = ::open(file.c_str(), flags | O_CLOEXEC, 0600);
  if (fd < 0) throw std::runtime_error(file.string() + ": cannot be opened");
  return fd;
}

std::string contents(int fd) {
  ::lseek(fd, 0, SEEK_SET);
  std::string all;
  char part[4096];
  for (ssize_t got = 0; (got = ::read(fd, part, sizeof part)) > 0;) all.append(part, got);
  return all;
}

// A file without a name.
int scratch() {
  std::string name = "/tmp/qleet-run-XXXXXX";
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) throw std::runtime_error("no temporary file");
  ::unlink(name.c_str());
  return fd;
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

void nap(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

Child::Child(const std::vector<std::string>& command, const std::filesystem::path& log,
             const Environment& environment) {
  const int in = open_for("/dev/null", O_RDONLY);
  const int out = open_for(log, O_WRONLY | O_CREAT | O_APPEND);
  pid_ = spawn(command, environment, in, out, out);
  ::close(in);
  ::close(out);
}

Child::~Child() { kill9(); }

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), status_(std::exchange(other.status_, -1)) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(status_, other.status_);
  return *this;
}

bool Child::reap(bool wait) {
  if (pid_ < 0) return true;
  int status = 0;
  pid_t got = 0;
  while ((got = ::waitpid(pid_, &status, wait ? 0 : WNOHANG)) < 0 && errno == EINTR) {
  }
  if (got == 0) return false;
  status_ = got == pid_ ? status : -1;
  pid_ = -1;
  return true;
}

bool Child::running() { return !reap(false); }

void Child::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

int Child::stop(std::chrono::milliseconds patience) {
  if (reap(false)) return status_;
  signal(SIGTERM);
  signal(SIGCONT);
  if (!until([this] { return reap(false); }, patience)) kill9();
  return status_;
}

void Child::kill9() {
  if (reap(false)) return;
  signal(SIGKILL);
  reap(true);
}

Ran run(const std::vector<std::string>& command, const Environment& environment, const std::string& input,
        std::chrono::milliseconds limit) {
  const int in = scratch();
  const int out = scratch();
  const int err = scratch();
  if (::write(in, input.data(), input.size()) != static_cast<ssize_t>(input.size()))
    throw std::runtime_error("cannot write the input");
  ::lseek(in, 0, SEEK_SET);
  const pid_t pid = spawn(command, environment, in, out, err);
  int status = 0;
  const bool ended = until([&] { return ::waitpid(pid, &status, WNOHANG) == pid; }, limit);
  if (!ended) {
    ::kill(-pid, SIGKILL);
    ::kill(pid, SIGKILL);
    ::waitpid(pid, &status, 0);
  }
  Ran ran{.exit = exit_code(status), .out = contents(out), .err = contents(err)};
  if (!ended) ran.err += "\n(killed after " + std::to_string(limit.count()) + " ms)\n";
  for (const int fd : {in, out, err}) ::close(fd);
  return ran;
}

}  // namespace qleet::test
