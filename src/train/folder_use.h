// Folders that several processes use, and that any of them may remove when nobody does.
//
// Whoever uses a folder holds a shared lock (flock) on FOLDER/use.lock; the kernel frees it when
// the process ends, however it ends. Whoever removes it takes the lock exclusively, without
// waiting, and renames the folder away before it deletes anything, so that nobody ever sees a part
// of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "src/base/file.h"
#include "src/base/status.h"

namespace vizsla {

// A use, for as long as the object lives. Several at once, in one process or many, are fine.
class FolderUse {
 public:
  // Creates the folder when needed. Waits for a removal that is under way, and then makes a new
  // folder: what it holds is the folder that has this path.
  static absl::StatusOr<FolderUse> Hold(const std::string& folder);
  FolderUse(FolderUse&&) noexcept = default;
  FolderUse& operator=(FolderUse&&) noexcept = default;
  ~FolderUse();  // notes the time, as Touch

  // Now is the folder's last use: the lock file's modification time.
  void Touch() const;

  // Bytes that the users of this folder mean to fill, themselves included; 0 when none has said.
  // Written by one process at a time: by whoever holds the lock of the budget.
  uint64_t promised_bytes() const;
  absl::Status PromiseBytes(uint64_t bytes) const;

 private:
  explicit FolderUse(FileDescriptor lock, std::string path)
      : lock_(std::move(lock)), path_(std::move(path)) {}
  FileDescriptor lock_;
  std::string path_;  // of the lock
};

// Whether anybody holds it; of a folder that is not there, false.
absl::StatusOr<bool> IsHeld(const std::string& folder);
// As FolderUse's, of others' folders.
uint64_t PromisedBytes(const std::string& folder);

// When the folder was last used. One that has no use.lock (of an early version): when something was
// last written into it.
std::chrono::system_clock::time_point LastUse(const std::string& folder);

// Removes the folder with all that is in it, unless somebody holds it: then false. What a killed
// process had begun to remove keeps kRemovedSuffix, for whoever looks at the caches next.
absl::StatusOr<bool> RemoveUnlessHeld(const std::string& folder);

// The name under which a folder waits for its deletion: nobody looks for caches there.
inline constexpr std::string_view kRemovedSuffix = ".removed";

}  // namespace vizsla
