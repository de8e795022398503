// Where the coordinator of a database listens: `DATABASE.address`, one line "127.0.0.1:43211",
// written atomically by the coordinator once it serves and removed when it ends in order. A crashed
// coordinator's file is stale: the lock on `DATABASE.lock` is free then.
#pragma once

#include <optional>
#include <string>

#include "src/base/status.h"

namespace vizsla {

std::string AddressFilePath(const std::string& database);
std::string LockFilePath(const std::string& database);
absl::Status WriteAddressFile(const std::string& database, const std::string& address);
// With an address: only if that is what the file says. The database may have been moved away since,
// and another coordinator may serve a new one of its name.
void RemoveAddressFile(const std::string& database, const std::string& address = "");

// The address of the coordinator that holds the database now; nullopt when none does (lock free;
// creates no file). Waits up to 3 s for one that is starting: Unavailable when the holder of the
// lock then still serves no address (another command that writes).
absl::StatusOr<std::optional<std::string>> FindCoordinator(const std::string& database);

}  // namespace vizsla
