#include "src/rpc/address_file.h"

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "src/base/file.h"
#include "src/rpc/address.h"

namespace vizsla {
namespace {

// How long a coordinator that holds the lock already may take to serve.
constexpr std::chrono::milliseconds kStartupPatience{3000};
constexpr std::chrono::milliseconds kPoll{20};

// Never creates the lock file, and asks for a shared lock, so that any number of commands may look
// at once.
absl::StatusOr<bool> IsLocked(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == ENOENT) return false;
    return ErrnoStatus(errno, path, "open");
  }
  const int error = Flock(file, LOCK_SH | LOCK_NB);
  if (error == 0) return false;
  if (error == EWOULDBLOCK) return true;
  return ErrnoStatus(error, path, "flock");
}

absl::StatusOr<std::optional<std::string>> ReadAddress(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) return std::optional<std::string>();
  if (!text.ok()) return text.status();
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (absl::StatusOr<HostPort> parsed = ParseHostPort(*text); !parsed.ok()) {
    return Annotate(absl::DataLossError(std::string(parsed.status().message())), path);
  }
  return std::optional<std::string>(*std::move(text));
}

// Whether anybody listens there. A coordinator that has just taken the lock may not have removed
// the address of its crashed predecessor yet.
bool Answers(const std::string& text) {
  const absl::StatusOr<HostPort> address = ParseHostPort(text);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (!address.ok() || ::getaddrinfo(address->host.c_str(), std::to_string(address->port).c_str(),
                                     &hints, &found) != 0) {
    return false;
  }
  bool connected = false;
  for (const addrinfo* one = found; one != nullptr && !connected; one = one->ai_next) {
    const FileDescriptor socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, 0));
    connected = socket.is_open() && ::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0;
  }
  ::freeaddrinfo(found);
  return connected;
}

}  // namespace

std::string AddressFilePath(const std::string& database) { return database + ".address"; }
std::string LockFilePath(const std::string& database) { return database + ".lock"; }

absl::Status WriteAddressFile(const std::string& database, const std::string& address) {
  return WriteFileAtomically(AddressFilePath(database), address + "\n");
}

void RemoveAddressFile(const std::string& database, const std::string& address) {
  const std::string path = AddressFilePath(database);
  if (!address.empty() && ReadFile(path).value_or("") != address + "\n") return;
  ::unlink(path.c_str());
}

absl::StatusOr<std::optional<std::string>> FindCoordinator(const std::string& database) {
  const auto give_up = std::chrono::steady_clock::now() + kStartupPatience;
  for (;;) {
    VIZSLA_ASSIGN_OR_RETURN(const bool locked, IsLocked(LockFilePath(database)));
    if (!locked) return std::optional<std::string>();
    VIZSLA_ASSIGN_OR_RETURN(const auto address, ReadAddress(AddressFilePath(database)));
    if (address && Answers(*address)) return address;
    if (std::chrono::steady_clock::now() >= give_up) {
      return absl::UnavailableError(
          StrCat(database,
                 " is held by a process at whose address nobody answers: another command, or a "
                 "coordinator that has not finished starting"));
    }
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace vizsla
