// Sums the gradients over the ranks of a trial group. Two methods bracket a backward pass, so that
// sending can later begin while the pass goes on, without a change to the trainer.
#pragma once

#include <torch/torch.h>

#include <vector>

#include "src/nn/tensors.h"
#include "src/train/voting_group.h"

namespace vizsla {

// Each rank's loss is the sum over its own rows divided by the rows of the global batch; the sum
// over the ranks is then the gradient of the global mean, however unevenly the rows are divided (a
// rank may have none). In a group of one nothing is copied or sent.
class GradientReducer {
 public:
  // The parameters share the model's memory, in the same order on every rank.
  GradientReducer(NamedTensors parameters, VotingGroup& group);

  // Before backward().
  void BeginBackward();
  // After backward(): a vote, which also fetches the leader's directive, and the sums. A parameter
  // that got no gradient here counts as zeros. Afterwards every rank has the same gradients, bit
  // for bit.
  absl::Status Finish();

 private:
  struct Bucket {
    std::vector<size_t> parameters;
    std::vector<float> values;
  };
  NamedTensors parameters_;
  VotingGroup& group_;
  std::vector<Bucket> buckets_;  // empty in a group of one
};

}  // namespace vizsla
