// The byte budget of a node's feature caches: before one is filled, the least recently used others
// go (cache_eviction.h) until it fits. One that a live process uses stays (folder_use.h).
//
//   FOLDER/budget.lock       held by the process that is making room
//   FOLDER/NAME/use.lock     held by all that use the cache; what they were promised is written in
//                            it, and its modification time is the cache's last use
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "src/base/status.h"
#include "src/catalog/cached_rows.h"
#include "src/train/folder_use.h"

namespace vizsla {

struct CacheBudget {
  uint64_t bytes = kFeatureCacheBudget;  // of all caches of the folder
  // Whatever the budget, this much of the disk stays free: 5 % of it, at most this many bytes.
  uint64_t most_left_free = uint64_t{10} << 30;
};

// A cache to be filled: its use, and the bytes on disk when it is full.
struct WantedCache {
  std::string name;
  const FolderUse* use = nullptr;
  uint64_t bytes = 0;
};

// Makes room for all of them, and promises it, which others respect until the uses end. Does
// nothing for what is there in full. Also removes what killed processes have left in the folder's
// caches: temporary files, folders that were about to go. Waits for other processes that are making
// room. Errors: ResourceExhausted with the sizes when even eviction does not help (then nothing is
// evicted); the file system's.
absl::Status MakeRoom(const std::string& folder, std::span<const WantedCache> wanted,
                      const CacheBudget& budget);

// Removes the temporary files beside shards that nobody is filling.
void RemoveTemporaryFiles(const std::string& cache_folder);

}  // namespace vizsla
