// SQLite's write-ahead log needs memory and locks shared by one machine: on a network file system
// a database is damaged sooner or later, so it is refused there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "src/base/status.h"

namespace vizsla {

// The name of the network file system that statfs' f_type and the mount table's type say; nullopt
// for a local one. A FUSE file system is judged by its mount type ("fuse.sshfs"): those known to
// be local are fine, others count as network. Pure.
std::optional<std::string> NetworkFileSystem(uint32_t magic, std::string_view mount_type);

// The type of the mount that holds the absolute `path`, from the text of /proc/self/mountinfo;
// empty when it is not told. Pure.
std::string MountType(std::string_view mountinfo, std::string_view path);

// FailedPrecondition "PATH is on a network file system (nfs); ..." for a folder on one.
absl::Status CheckLocalFileSystem(const std::string& folder, const std::string& shown_path);

}  // namespace vizsla
