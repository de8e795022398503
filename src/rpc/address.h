// "HOST:PORT" as users write it.
#pragma once

#include <string>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

struct HostPort {
  std::string host;  // without brackets
  int port = 0;      // 0: any free port
};

// "127.0.0.1:4711", "[::1]:4711", "localhost:4711". InvalidArgument says what is wrong.
absl::StatusOr<HostPort> ParseHostPort(std::string_view text);

// With brackets around an IPv6 address.
std::string ToText(const HostPort& address);

// Written as an IPv4 or IPv6 address.
bool IsIpAddress(const std::string& host);

// Where programs of the same machine reach who listens there: 0.0.0.0 becomes 127.0.0.1, [::]
// [::1].
std::string LocalAddress(const std::string& listening);

// 127.0.0.0/8, ::1 or localhost: what stays on this machine.
bool IsLoopback(const std::string& host);

}  // namespace vizsla
