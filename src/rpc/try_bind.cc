#include "src/rpc/try_bind.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "src/base/file_descriptor.h"

namespace vizsla {

absl::Status BindError(const HostPort& address, int error) {
  if (error == EADDRINUSE) {
    return absl::FailedPreconditionError(
        StrCat("port ", address.port, " of ", address.host, " is in use"));
  }
  return absl::FailedPreconditionError(
      StrCat("cannot listen on ", ToText(address), ": ", std::strerror(error)));
}

absl::Status TryBind(const HostPort& address) {
  sockaddr_storage storage{};
  socklen_t length = 0;
  auto* four = reinterpret_cast<sockaddr_in*>(&storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, address.host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(static_cast<uint16_t>(address.port));
    length = sizeof(sockaddr_in);
  } else {
    ::inet_pton(AF_INET6, address.host.c_str(), &six->sin6_addr);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(static_cast<uint16_t>(address.port));
    length = sizeof(sockaddr_in6);
  }
  const FileDescriptor socket(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.is_open()) return BindError(address, errno);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));  // as gRPC does
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0 ||
      ::listen(socket.get(), 1) != 0) {
    return BindError(address, errno);
  }
  return absl::OkStatus();
}

}  // namespace vizsla
