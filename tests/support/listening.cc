#include "tests/support/listening.h"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <vector>

namespace qleet::test {
namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& file) {
  std::ostringstream out;
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

std::uint32_t hex(const std::string& text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return value;
}

// "0100007F:1F90", in words of the host's byte order.
std::string address_of(const std::string& text) {
  const auto colon = text.find(':');
  const auto words = text.substr(0, colon);
  std::uint32_t bytes[4] = {};
  for (std::size_t i = 0; i < words.size() / 8 && i < 4; ++i) bytes[i] = hex(words.substr(i * 8, 8));
  char out[INET6_ADDRSTRLEN] = {};
  ::inet_ntop(words.size() == 8 ? AF_INET : AF_INET6, bytes, out, sizeof out);
  return std::string(out) + ":" + std::to_string(hex(text.substr(colon + 1)));
}

// By inode: "tcp 127.0.0.1:80".
std::map<std::string, std::string> sockets() {
  std::map<std::string, std::string> out;
  for (const std::string protocol : {"tcp", "udp", "tcp6", "udp6"}) {
    std::ifstream table("/proc/net/" + protocol);
    std::string line;
    std::getline(table, line);
    while (std::getline(table, line)) {
      std::istringstream in(line);
      const std::vector<std::string> words{std::istream_iterator<std::string>(in), {}};
      const bool tcp = protocol.starts_with("tcp");
      if (words.size() < 10 || words[3] != (tcp ? "0A" : "07")) continue;
      out[words[9]] = (tcp ? "tcp " : "udp ") + address_of(words[1]);
    }
  }
  return out;
}

pid_t parent_of(pid_t pid) {
  const std::string stat = contents("/proc/" + std::to_string(pid) + "/stat");
  const auto end = stat.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream in(stat.substr(end + 1));
  std::string state;
  pid_t parent = 0;
  in >> state >> parent;
  return parent;
}

std::vector<pid_t> processes() {
  std::vector<pid_t> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    pid_t pid = 0;
    const auto name = entry.path().filename().string();
    std::from_chars(name.data(), name.data() + name.size(), pid);
    if (pid > 0 && pid != ::getpid()) out.push_back(pid);
  }
  return out;
}

}  // namespace

std::set<std::string> listening(const fs::path& folder) {
  const auto all = processes();
  std::set<pid_t> ours;
  for (const pid_t pid : all)
    if (contents("/proc/" + std::to_string(pid) + "/cmdline").contains(folder.string() + "/"))
      ours.insert(pid);
  for (std::size_t before = 0; before != ours.size();) {
    before = ours.size();
    for (const pid_t pid : all)
      if (ours.contains(parent_of(pid))) ours.insert(pid);
  }
  const auto known = sockets();
  std::set<std::string> out;
  for (const pid_t pid : ours) {
    const auto proc = "/proc/" + std::to_string(pid);
    std::string program = contents(proc + "/comm");
    program.erase(program.find_last_not_of('\n') + 1);
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(proc + "/fd", error)) {
      const auto link = fs::read_symlink(entry.path(), error).string();
      if (!link.starts_with("socket:[")) continue;
      const auto found = known.find(link.substr(8, link.size() - 9));
      if (found != known.end()) out.insert(program + " " + found->second);
    }
  }
  return out;
}

}  // namespace qleet::test
