// What `vizsla submit` and `vizsla-worker --search` share: pin the data and the weights, upload
// split and weights, create or resume the study. Blocks; prints nothing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"
#include "src/dataset/index.h"
#include "src/dataset/split.h"
#include "src/rpc/client.h"
#include "src/study/study.h"

namespace vizsla {

struct SubmissionInputs {
  StudySpec spec;
  std::string data;     // folder or zip
  std::string weights;  // file; empty when the space needs none
};

struct PreparedStudy {
  StudySpec spec;
  PinnedInputs inputs;
  DatasetIndex index;
  Split split;
  std::string split_json;
  WeightsTraits traits;           // empty when the space needs no weights
  std::vector<Problem> problems;  // of the data set and the split, and weights that nothing uses
};

using PrepareProgress = std::function<void(size_t done, size_t total)>;

// Checks the weights file (readable, of a backbone of the catalog, its traits known, the space's
// needs met), resolves every enqueued configuration against it, indexes the data and splits it. No
// network. The first error stands: InvalidArgument "the search space uses pretrained weights: name
// their file with
// --weights", what TraitsFromMetadata and ResolvePlan say with the place before it, and what the
// data set's reading says.
absl::StatusOr<PreparedStudy> PrepareStudy(const SubmissionInputs& inputs,
                                           const PrepareProgress& progress);

struct SubmittedStudy {
  v1::Study study;
  bool created = false;
};
// Uploads what the coordinator lacks and creates or resumes the study. `weights` is the file that
// was prepared: FailedPrecondition when its bytes have changed since.
absl::StatusOr<SubmittedStudy> SubmitStudy(CoordinatorClient& client, const PreparedStudy& prepared,
                                           const std::string& weights);

}  // namespace vizsla
