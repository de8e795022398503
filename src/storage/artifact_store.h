// Checkpoints, weights and splits as files named by their SHA-256, below one folder: AB/ABCDEF... A
// file is written under tmp/, hashed on the way, fsynced and renamed: it is whole or absent. OWNER
// names the database that the folder belongs to. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "src/base/file.h"
#include "src/scheduling/trial_store.h"

namespace vizsla {

// Whose checkpoints a folder holds. Two databases in one folder would sweep each other's away.
struct ArtifactOwner {
  std::string database_id;  // empty: nobody is asked
  std::string database;     // its file, for people
};
absl::StatusOr<ArtifactOwner> OwnerOf(TrialStore& store, const std::string& database);

class ArtifactStore : public ArtifactIndex {
 public:
  // Removes what crashed uploads left in tmp/ (only when `sweep`, i.e. the caller holds the
  // database's lock). The first upload or sweep creates the folder and claims it for the owner.
  // FailedPrecondition when it is another database's.
  static absl::StatusOr<std::unique_ptr<ArtifactStore>> Open(const std::string& folder, bool sweep,
                                                             const ArtifactOwner& owner = {});

  class Upload {
   public:
    virtual ~Upload() = default;  // without Commit nothing remains
    virtual absl::Status Append(std::string_view bytes) = 0;
    // DataLoss when hash or size are not what was promised; ResourceExhausted on a full disk.
    virtual absl::Status Commit() = 0;
  };
  // InvalidArgument when `hash` is not 64 hexadecimal digits.
  virtual absl::StatusOr<std::unique_ptr<Upload>> Begin(const std::string& hash, uint64_t size) = 0;
  virtual absl::Status Put(const std::string& hash, std::string_view bytes) = 0;
  // NotFound, or DataLoss when the bytes no longer have the hash they are named by.
  virtual absl::StatusOr<std::string> Get(const std::string& hash) const = 0;
  // A file that is being streamed to somebody: while it lives, no budget and no sweep takes it.
  struct Reading {
    MappedFile file;
    std::shared_ptr<const void> hold;
  };
  // For streaming; NotFound. Not verified here: the client verifies what it gets. Must not outlive
  // the store.
  virtual absl::StatusOr<Reading> Read(const std::string& hash) = 0;
  // The same for a moment.
  virtual absl::StatusOr<MappedFile> Map(const std::string& hash) const = 0;
  virtual absl::StatusOr<uint64_t> Size(const std::string& hash) const = 0;  // NotFound
  virtual absl::StatusOr<std::vector<std::string>> List() const = 0;
};

}  // namespace vizsla
