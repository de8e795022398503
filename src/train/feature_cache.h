// Frozen work is done once: the output of a frozen backbone for every (photo, numbered view), on
// disk, shared by all trials and all processes of this node. What the numbers mean is part of the
// cache's name; a trial of few views and one of many share the first ones.
//
//   FOLDER/NAME/shard-V-00012.features    rows of photos 12 * 128 .. 12 * 128 + 127 in view V
//   FOLDER/NAME/shard-V-00012.lock        held by the process that is filling it
//   FOLDER/NAME/use.lock                  held by all that have the cache open (cache_budget.h)
//
// A shard file appears whole, by rename, and carries the SHA-256 of its rows. Whoever takes the
// lock of a missing shard fills it; the kernel frees the lock of a process that dies, so that its
// shard can be claimed again. A shard that does not verify (cut short, damaged, of another name or
// shape) is logged, not used, and filled again. No process ever waits for another one's collective.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "src/base/file.h"
#include "src/base/status.h"
#include "src/train/feature_type.h"
#include "src/train/folder_use.h"

namespace vizsla {

// What a cache holds. `name` identifies the contents (photos, decode, preprocessing, backbone,
// weights, padding, cut, pooling, family of views, type) and becomes a folder: letters, digits, '-'
// and '_'.
struct FeatureLayout {
  std::string name;
  size_t photo_count = 0;
  int view_count = 1;     // as many as anybody may ask for: ViewSet::FamilyCount
  size_t row_floats = 0;  // per (photo, view)
  FeatureType type = FeatureType::kFloat32;
};

struct FeatureRow {
  uint32_t photo = 0;
  int view = 0;
};

// Not thread-safe, but that rows may be read while other views are filled; any number of objects
// and processes may share the folder. While one of them lives, nobody removes it.
class FeatureCache {
 public:
  static constexpr size_t kPhotosPerShard = 128;

  // Creates the folder when needed, and removes what killed processes have left in it.
  static absl::StatusOr<std::unique_ptr<FeatureCache>> Open(const std::string& folder,
                                                            const FeatureLayout& layout);
  FeatureCache(const FeatureCache&) = delete;
  FeatureCache& operator=(const FeatureCache&) = delete;

  const FeatureLayout& layout() const { return layout_; }
  size_t row_bytes() const {
    return layout_.row_floats *
           (layout_.type == FeatureType::kFloat16 ? sizeof(uint16_t) : sizeof(float));
  }
  // Of the files that hold the first `view_count` views.
  uint64_t BytesWhenFull(int view_count) const;
  const FolderUse& use() const { return use_; }

  // Rows (photo, view) that are there, of those in the first `view_count` views; and how many there
  // are to be. Looks for shards that others have finished since. Verifies a shard when it first
  // sees it.
  size_t ReadyRows(int view_count);
  size_t TotalRows(int view_count) const {
    return layout_.photo_count * static_cast<size_t>(view_count);
  }

  // Fills values: rows.size() x row_floats.
  using Compute = std::function<absl::Status(std::span<const FeatureRow> rows, float* values)>;
  enum class Fill {
    kComplete,  // every shard of the first view_count views is ready
    kFilled,    // this call filled one
    kBusy,      // what is missing is claimed by others: call again a little later
  };
  // Claims and fills one missing shard, if there is one to claim. Blocks for its computation, never
  // for another process. Errors: compute's as they are; OutOfRange: a value that the type cannot
  // hold; or the file system's (ResourceExhausted: full disk), after which the cache still serves
  // what it has.
  absl::StatusOr<Fill> FillOne(int view_count, const Compute& compute);

  // The file that the last FillOne of kFilled wrote.
  const std::string& last_filled() const { return last_filled_; }

  // `count` numbers of the photo's row, from number `first` on. The shard must be ready.
  void ReadRow(uint32_t photo, int view, size_t first, size_t count, float* values) const;

 private:
  struct Shard {
    int view = 0;
    size_t first_photo = 0;
    size_t photo_count = 0;
    std::optional<MappedFile> file;  // when ready
    std::string path;                // without the ending
    // When the file that did not verify was written: it is not read again.
    std::optional<std::filesystem::file_time_type> rejected;
  };

  FeatureCache(std::string folder, FeatureLayout layout, FolderUse use);
  std::string Header(const Shard& shard, const std::string& checksum) const;
  // Ready now, or an attempt to map and verify the file. Warns once for each file that is not
  // whole.
  bool Load(Shard& shard);
  absl::Status FillShard(Shard& shard, const Compute& compute);
  // Of the view, made when it is first asked for. Shards that are ready stay where they are, as
  // others may read them meanwhile.
  std::vector<Shard>& ShardsOf(int view);

  std::string folder_;  // FOLDER/NAME
  FeatureLayout layout_;
  FolderUse use_;
  std::vector<std::vector<Shard>> shards_;  // of each view; of none before ShardsOf
  std::string last_filled_;
};

// The cache of this process for the layout: opened (and its shards verified) once, kept for the
// trials to come. At most a few are kept; a pointer keeps its own alive. Thread-safe.
absl::StatusOr<std::shared_ptr<FeatureCache>> SharedFeatureCache(const std::string& folder,
                                                                 const FeatureLayout& layout);

// Closes those that no pointer keeps and that SharedFeatureCache has not given out for so long: as
// long as one is open, no process makes room by removing it. Thread-safe.
void CloseIdleFeatureCaches(std::chrono::steady_clock::duration unused_for = {});

}  // namespace vizsla
