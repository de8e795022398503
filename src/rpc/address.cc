#include "src/rpc/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace vizsla {

absl::StatusOr<HostPort> ParseHostPort(std::string_view text) {
  const auto refuse = [&](const char* reason) {
    return absl::InvalidArgumentError(StrCat("address '", std::string(text), "': ", reason,
                                             "; write HOST:PORT, for instance 127.0.0.1:4711"));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refuse("it has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    in6_addr ignored{};
    if (::inet_pton(AF_INET6, std::string(host).c_str(), &ignored) != 1) {
      return refuse("what stands in brackets is no IPv6 address");
    }
  } else if (host.find_first_of(":[]/ ") != std::string_view::npos) {
    return refuse("its host is malformed (an IPv6 address needs brackets)");
  }
  if (host.empty()) return refuse("it has no host");
  int port = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port < 0 || port > 65535) {
    return refuse("its port is no number from 0 to 65535");
  }
  return HostPort{std::string(host), port};
}

std::string ToText(const HostPort& address) {
  if (address.host.find(':') != std::string::npos) {
    return StrCat("[", address.host, "]:", address.port);
  }
  return StrCat(address.host, ":", address.port);
}

bool IsIpAddress(const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

std::string LocalAddress(const std::string& listening) {
  absl::StatusOr<HostPort> address = ParseHostPort(listening);
  if (!address.ok()) return listening;
  if (address->host == "0.0.0.0") address->host = "127.0.0.1";
  if (address->host == "::") address->host = "::1";
  return ToText(*address);
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  in_addr four{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
  in6_addr six{};
  return ::inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

}  // namespace vizsla
