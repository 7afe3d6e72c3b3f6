#include "common/engine/host_network.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "common/engine/ownership.h"
#include "common/model/reasons.h"

namespace qleet::containers {

namespace {

struct Block {
  std::uint32_t address = 0;
  std::uint32_t mask = 0;
};

std::optional<Block> parse_block(const std::string& text) {
  const std::size_t slash = text.find('/');
  in_addr address{};
  if (slash == std::string::npos || ::inet_pton(AF_INET, text.substr(0, slash).c_str(), &address) != 1) {
    return std::nullopt;
  }
  const unsigned bits = static_cast<unsigned>(std::strtoul(text.c_str() + slash + 1, nullptr, 10));
  if (bits == 0 || bits > 32) return std::nullopt;
  return Block{ntohl(address.s_addr), ~std::uint32_t{0} << (32U - bits)};
}

std::string text_of(std::uint32_t address, unsigned bits) {
  return fmt::format("{}.{}.{}.{}/{}", address >> 24U, address >> 16U & 255U, address >> 8U & 255U,
                     address & 255U, bits);
}

}  // namespace

std::string choose_subnet(std::string_view seed, const std::vector<std::string>& used) {
  constexpr std::uint32_t kPool = 10U << 24U | 128U << 16U;
  constexpr std::uint32_t kBlocks = 1U << 15U;
  constexpr std::uint32_t kMask = 0xffffff00;
  std::vector<Block> blocks;
  for (const auto& one : used) {
    if (const auto block = parse_block(one)) blocks.push_back(*block);
  }
  const auto start =
      static_cast<std::uint32_t>(std::strtoul(short_hash(seed).substr(0, 7).c_str(), nullptr, 16));
  for (std::uint32_t i = 0; i < kBlocks; ++i) {
    const std::uint32_t address = kPool + ((start + i) % kBlocks << 8U);
    bool free = true;
    for (const auto& block : blocks) {
      const std::uint32_t common = block.mask & kMask;
      if ((block.address & common) == (address & common)) free = false;
    }
    if (free) return text_of(address, 24);
  }
  return {};  // the engine's own choice
}

std::vector<std::string> host_subnets() {
  std::vector<std::string> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) == 0) {
    for (const ifaddrs* one = list; one; one = one->ifa_next) {
      if (!one->ifa_addr || !one->ifa_netmask || one->ifa_addr->sa_family != AF_INET) continue;
      const std::uint32_t address =
          ntohl(reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr.s_addr);
      const std::uint32_t mask =
          ntohl(reinterpret_cast<const sockaddr_in*>(one->ifa_netmask)->sin_addr.s_addr);
      out.push_back(text_of(address & mask, static_cast<unsigned>(__builtin_popcount(mask))));
    }
    ::freeifaddrs(list);
  }
  std::ifstream routes("/proc/net/route");
  std::string line;
  std::getline(routes, line);
  while (std::getline(routes, line)) {
    std::istringstream words(line);
    std::string interface, destination, word, mask;
    words >> interface >> destination;
    for (int i = 0; i < 5; ++i) words >> word;
    words >> mask;
    const auto parse = [](const std::string& hex) {
      return ntohl(static_cast<std::uint32_t>(std::strtoul(hex.c_str(), nullptr, 16)));
    };
    if (parse(mask) == 0) continue;  // the default route takes nothing
    out.push_back(text_of(parse(destination), static_cast<unsigned>(__builtin_popcount(parse(mask)))));
  }
  return out;
}

std::string choose_bridge(std::string_view owner, const std::function<bool(const std::string&)>& taken) {
  std::string name = "qlt" + short_hash(owner);
  for (int i = 2; taken(name); ++i) name = "qlt" + short_hash(fmt::format("{}\n{}", owner, i));
  return name;
}

std::optional<bool> in_subnet(const std::string& address, const std::string& subnet) {
  const auto one = parse_block(address + "/32");
  const auto block = parse_block(subnet);
  if (!one || !block) return std::nullopt;
  return (one->address & block->mask) == (block->address & block->mask);
}

void forget_names(const std::string& network) {
  std::error_code ignored;  // there is none, or another engine's
  std::filesystem::remove(std::filesystem::path("/run/containers/networks/aardvark-dns") / network, ignored);
}

bool interface_exists(const std::string& name) { return ::if_nametoindex(name.c_str()) != 0; }

Result<> check_port_free(const std::string& host, std::uint16_t port, std::string_view protocol) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (host.empty()) {
    address.sin_addr.s_addr = INADDR_ANY;
  } else if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return {};  // IPv6: left to the engine
  }
  const int fd = ::socket(AF_INET, (protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
  if (fd < 0) return {};
  const int yes = 1;
  if (protocol != "udp") ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  const bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const int error = errno;
  ::close(fd);
  if (bound) return {};
  const std::string where = fmt::format("{}:{}", host, port);
  if (error == EADDRINUSE) {
    return fail(
        Code::kUnavailable, reasons::kPortInUse,
        fmt::format("port {} of this host is in use by another process: stop that, or choose another port",
                    where));
  }
  return fail(Code::kInvalid, reasons::kPortInUse,
              fmt::format("port {} of this host cannot be listened on: {}", where, std::strerror(error)));
}

}  // namespace qleet::containers
