// Files that hold secrets: only their owner may read them, as ssh asks of its keys. All calls
// block.
#pragma once

#include <string>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// PermissionDenied "FILE can be read or written by others (mode 0644); close it: chmod 600 FILE"
// unless the mode has no bit for group and others and the owner is this user or root. The check is
// of the open file, not of the name: nobody can swap it in between.
absl::StatusOr<std::string> ReadPrivateFile(const std::string& path);

// Mode 0600 from the first instant; durable before it appears. AlreadyExists when something is
// there.
absl::Status CreatePrivateFile(const std::string& path, std::string_view bytes);
// The same, in place of what is there, atomically.
absl::Status ReplacePrivateFile(const std::string& path, std::string_view bytes);

// Mode 0700. AlreadyExists when something is there; its parent must be there.
absl::Status CreatePrivateFolder(const std::string& path);

}  // namespace vizsla
