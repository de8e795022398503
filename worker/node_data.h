// The photos and weights of a rank, opened as the trials ask for them: train, validation and, for
// autoencoders, unlabelled photos, never the sealed test split.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/dataset/index.h"
#include "src/dataset/split.h"
#include "src/image/pixel_source.h"
#include "src/study/study.h"
#include "src/train/trainer.h"
#include "worker/weights_store.h"

namespace vizsla {

struct NodeDataOptions {
  std::string cache_folder;
  int threads = 1;  // that decode at once
  // Asked while photos are decoded, from any thread; true: Open gives up with Cancelled.
  std::function<bool()> cancelled;
};

// What a trial trains on. Shares the sources with other trials; keeps them alive.
struct TrialData {
  TrainingPlan plan;
  TrainingData training;
  std::shared_ptr<const PixelSource> train;
  std::shared_ptr<const PixelSource> validation;
  std::shared_ptr<const PixelSource> unlabelled;  // of autoencoders; may be null
  std::vector<Problem> left_out;                  // broken photos of all three
};

// Not thread-safe.
class NodeData {
 public:
  NodeData(DatasetIndex index, std::unique_ptr<PhotoReader> reader, WeightsStore weights,
           NodeDataOptions options);

  const DatasetIndex& index() const { return index_; }
  WeightsStore& weights() { return weights_; }

  // The split of the study that is served now; one is kept. DataLoss or InvalidArgument: it is not
  // what the hash or the data set says.
  bool HasSplit(const std::string& hash) const { return hash == split_hash_; }
  absl::Status SetSplit(const std::string& hash, std::string_view json);

  // The plan of a trial, under its stage's budget and what the study's weights expect.
  // InvalidArgument: it cannot be trained anywhere. Other errors: this node cannot.
  absl::StatusOr<TrainingPlan> Resolve(const Study& study, const Trial& trial);
  // Decodes what the node's cache lacks; blocks. The study's split must be set. `progress` is
  // called from any thread, one at a time.
  absl::StatusOr<TrialData> Open(const Study& study, const TrainingPlan& plan,
                                 const std::function<void(size_t, size_t)>& progress);

 private:
  struct Sources {
    std::string key;
    std::shared_ptr<const PixelSource> train;
    std::shared_ptr<const PixelSource> validation;
    std::shared_ptr<const PixelSource> unlabelled;  // when the plan wants them and there are some
    std::vector<Problem> left_out;
  };
  absl::StatusOr<WeightsTraits> Traits(const Study& study);
  absl::StatusOr<Sources> OpenSources(const TrainingPlan& plan,
                                      const std::function<void(size_t, size_t)>& progress);
  // Positions of the unlabelled photos that can be cached. The first call hashes them.
  absl::StatusOr<std::vector<uint32_t>> UsableUnlabelled();

  DatasetIndex index_;
  const std::unique_ptr<PhotoReader> reader_;
  WeightsStore weights_;
  const NodeDataOptions options_;
  std::string split_hash_;
  Split split_;
  // Unlabelled photos that have no hash; nullopt: no trial has asked for them yet.
  std::optional<std::vector<Problem>> unusable_unlabelled_;
  std::list<Sources> sources_;  // newest first
};

}  // namespace vizsla
