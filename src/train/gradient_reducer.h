// Sums the gradients over the ranks of a trial group, while the backward pass that makes them goes
// on: what PyTorch's DistributedDataParallel does in Python (Li et al., "PyTorch Distributed:
// Experiences on Accelerating Data Parallel Training", VLDB 2020), for LibTorch, which has none.
//
// Hooks on the parameters' gradient accumulators copy each gradient, when it is complete, into a
// bucket; a bucket is sent when it and all before it are full, so that all ranks send in one order
// whatever the order in which their gradients come. What got no gradient here by the end of the
// pass (a parameter that this rank's graph does not use, or a rank that has no rows) counts as
// zeros. A parameter that is used several times has one accumulator, and counts once.
//
// The sums have a channel of their own (src/comm/communicator.h): synchronised batch norm reduces
// within the same pass. On a rank that fails in the middle of it, see voting_group.h. How a bucket
// of a GPU's gradients travels: bucket_sums.h.
#pragma once

#include <torch/torch.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/nn/tensors.h"
#include "src/train/bucket_sums.h"
#include "src/train/gradient_buckets.h"
#include "src/train/gradient_type.h"
#include "src/train/voting_group.h"

namespace vizsla {

struct ReducerOptions {
  BucketSizes buckets;
  bool overlap = true;  // false: everything is sent after the pass, for comparison
  GradientType type = GradientType::kFloat32;
};

// Each rank's loss is the sum over its own rows divided by the rows of the global batch; the sum
// over the ranks is then the gradient of the global mean, however unevenly the rows are divided (a
// rank may have none). In a group of one nothing is copied or sent. Gradients that the parameters
// hold before the pass are part of the sum: with gradient accumulation, BeginBackward is called
// before the last pass only.
//
// Not thread-safe: hooks run on the thread that calls backward(), or, of parameters on a GPU, on
// LibTorch's thread of that device while the caller waits. LibTorch's exceptions travel through.
class GradientReducer {
 public:
  // Float32 parameters that share the model's memory, in the same order on every rank; on one
  // device, where they stay. Those that require no gradient now are left out. `group` outlives this
  // object; all ranks vote before their first pass, and no other reducer of the group is used from
  // then on.
  GradientReducer(NamedTensors parameters, VotingGroup& group, const ReducerOptions& options = {});
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  // Before backward(). Other passes are none of this object's business.
  void BeginBackward();
  // After backward(): the rest of the buckets, a vote, which also fetches the leader's directive,
  // and the sums. Afterwards every rank has the same gradients, bit for bit (on a GPU whose
  // transport sums there: as soon as the current stream gets there).
  absl::Status Finish();

  // In place of Finish, after a pass that failed: what it has sent, the vote has settled. No other
  // pass is taken for it.
  void Abandon() { in_pass_ = false; }

  // How long Finish has waited for sums so far: the part of sending that computing did not hide.
  // Nothing where a GPU waits by itself.
  std::chrono::nanoseconds waited() const { return waited_; }

 private:
  class Hook;
  struct Bucket {
    std::vector<size_t> parameters;
    size_t missing = 0;  // gradients still to come in this pass
  };
  struct Place {
    size_t bucket = 0;
    int64_t offset = 0;  // in the bucket, of its numbers
    bool filled = false;
  };

  // The parameter's gradient is complete.
  void Ready(size_t parameter);
  void Fill(size_t parameter);
  // All buckets that are full and whose predecessors have been sent.
  void SendFull();
  torch::Tensor Slice(size_t parameter) const;

  NamedTensors parameters_;
  VotingGroup& group_;
  const bool overlap_;
  std::vector<Bucket> buckets_;  // empty in a group of one
  // Shared with the group, which may have to send what a failed pass has not.
  std::shared_ptr<BucketSums> sums_;
  std::vector<Place> places_;  // one a parameter
  size_t sent_ = 0;            // buckets of this pass
  bool in_pass_ = false;
  // Autograd holds its accumulators weakly; hooks are lost with them.
  struct Hooked {
    std::shared_ptr<torch::autograd::Node> accumulator;
    uintptr_t hook = 0;
  };
  std::vector<Hooked> hooked_;
  std::chrono::nanoseconds waited_{0};
};

}  // namespace vizsla
