// Pretrained weights on this node: the file that the user named, and copies fetched from the
// coordinator, by hash, in the cache folder.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "src/base/status.h"
#include "src/weights/tensor_file.h"

namespace vizsla {

// Not thread-safe.
class WeightsStore {
 public:
  // Hashes the user's file; `path` may be empty.
  static absl::StatusOr<WeightsStore> Open(const std::string& path,
                                           const std::string& cache_folder);

  const std::string& given_path() const { return given_path_; }
  const std::string& given_hash() const { return given_hash_; }  // empty: no file was named

  // Where the file of this hash lies; nullopt when it is not here. A copy in the cache folder is
  // hashed when it is first asked for, and one that was damaged counts as absent.
  absl::StatusOr<std::optional<std::string>> Find(const std::string& hash);
  // Where a copy belongs, its folder made.
  absl::StatusOr<std::string> CachePath(const std::string& hash) const;
  // Keeps bytes that another rank sent. DataLoss when they do not have the hash.
  absl::Status Keep(const std::string& hash, std::string_view bytes);

  // NotFound when it is not here. The newest one stays open.
  absl::StatusOr<std::shared_ptr<const TensorFile>> Load(const std::string& hash);

 private:
  std::string given_path_;
  std::string given_hash_;
  std::string folder_;
  std::map<std::string, std::string> verified_;  // hash -> path
  std::string loaded_hash_;
  std::shared_ptr<const TensorFile> loaded_;
};

}  // namespace vizsla
