// How an agent shows that it is the one who asks for a certificate: what it signs with its key for the bus.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace qleet {

// `time` in seconds since 1970 UTC.
inline std::string certificate_proof(std::string_view agent, std::string_view tls_request,
                                     std::int64_t time) {
  std::string out(agent);
  out.append("\n").append(tls_request).append("\n").append(std::to_string(time)).append("\n");
  return out;
}

}  // namespace qleet
