#include "src/scheduling/artifact_guard.h"

#include <algorithm>

namespace vizsla {

ArtifactGuard::Hold::Hold(ArtifactGuard& guard, std::vector<std::string> hashes)
    : guard_(guard), hashes_(std::move(hashes)) {
  std::erase(hashes_, "");
  std::unique_lock lock(guard_.mutex_);
  guard_.removed_.wait(lock, [&] {
    return std::none_of(hashes_.begin(), hashes_.end(),
                        [&](const std::string& hash) { return guard_.removing_.contains(hash); });
  });
  for (const std::string& hash : hashes_) ++guard_.held_[hash];
}

ArtifactGuard::Hold::~Hold() {
  std::lock_guard lock(guard_.mutex_);
  for (const std::string& hash : hashes_) {
    const auto found = guard_.held_.find(hash);
    if (--found->second == 0) guard_.held_.erase(found);
  }
}

absl::StatusOr<bool> ArtifactGuard::Remove(
    ArtifactIndex& artifacts, const std::string& hash,
    const std::function<absl::StatusOr<bool>()>& is_referenced) {
  {
    std::lock_guard lock(mutex_);
    if (held_.contains(hash) || !removing_.insert(hash).second) return false;
  }
  absl::StatusOr<bool> referenced = is_referenced();
  absl::Status status = referenced.status();
  if (status.ok() && !*referenced) status = artifacts.Remove(hash);
  {
    std::lock_guard lock(mutex_);
    removing_.erase(hash);
  }
  removed_.notify_all();
  VIZSLA_RETURN_IF_ERROR(status);
  return !*referenced;
}

}  // namespace vizsla
