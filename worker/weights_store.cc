#include "worker/weights_store.h"

#include <filesystem>
#include <utility>

#include "src/base/file.h"
#include "src/base/log.h"
#include "src/base/sha256.h"

namespace vizsla {

absl::StatusOr<WeightsStore> WeightsStore::Open(const std::string& path,
                                                const std::string& cache_folder) {
  WeightsStore store;
  store.folder_ = cache_folder + "/weights";
  store.given_path_ = path;
  if (!path.empty()) {
    VIZSLA_ASSIGN_OR_RETURN(store.given_hash_, Sha256HexOfFile(path));
    store.verified_[store.given_hash_] = path;
  }
  return store;
}

absl::StatusOr<std::string> WeightsStore::CachePath(const std::string& hash) const {
  if (!IsSha256Hex(hash)) {
    return absl::InvalidArgumentError(StrCat("weights: '", hash, "' is no SHA-256"));
  }
  VIZSLA_RETURN_IF_ERROR(CreateDirectories(folder_));
  return StrCat(folder_, "/", hash);
}

absl::StatusOr<std::optional<std::string>> WeightsStore::Find(const std::string& hash) {
  if (const auto found = verified_.find(hash); found != verified_.end()) {
    return std::optional<std::string>(found->second);
  }
  VIZSLA_ASSIGN_OR_RETURN(const std::string path, CachePath(hash));
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::optional<std::string>();
  VIZSLA_ASSIGN_OR_RETURN(const std::string actual, Sha256HexOfFile(path));
  if (actual != hash) {
    log::warn("{} is damaged; it is fetched again", path);
    return std::optional<std::string>();
  }
  verified_[hash] = path;
  return std::optional<std::string>(path);
}

absl::Status WeightsStore::Keep(const std::string& hash, std::string_view bytes) {
  if (Sha256Hex(bytes) != hash) {
    return absl::DataLossError(StrCat("weights ", hash, " arrived damaged"));
  }
  VIZSLA_ASSIGN_OR_RETURN(const std::string path, CachePath(hash));
  VIZSLA_RETURN_IF_ERROR(WriteFileAtomically(path, bytes));
  verified_[hash] = path;
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const TensorFile>> WeightsStore::Load(const std::string& hash) {
  if (hash == loaded_hash_) return loaded_;
  VIZSLA_ASSIGN_OR_RETURN(const std::optional<std::string> path, Find(hash));
  if (!path) return absl::NotFoundError(StrCat("weights ", hash, " are not on this node"));
  VIZSLA_ASSIGN_OR_RETURN(loaded_, TensorFile::Open(*path));
  loaded_hash_ = hash;
  return loaded_;
}

}  // namespace vizsla
