// What rank 0 does before the ranks work: submit the search, or check that the coordinator has
// something for this data. Results go to standard output.
#pragma once

#include <optional>
#include <string>

#include "src/base/status.h"
#include "src/dataset/index.h"
#include "src/rpc/client.h"
#include "src/study/study.h"
#include "worker/options.h"

namespace vizsla {

// Before anything is started: the search space is sound and the paths exist. The spec is the
// default when the options name no search.
absl::StatusOr<StudySpec> CheckInputs(const WorkerOptions& options);

struct Start {
  DatasetIndex index;
  std::string study;           // the one that is served; empty: any that fits
  bool nothing_to_do = false;  // the study is finished; its board was printed
};

// Pins data and weights, creates or resumes the study and says what it is. Blocks.
absl::StatusOr<Start> StartSearch(CoordinatorClient& client, const WorkerOptions& options,
                                  const StudySpec& spec);

// Indexes the data and finds out whether a study is pinned to it and to the named weights.
// FailedPrecondition with a sentence otherwise; with `wait` a study may come later.
absl::StatusOr<Start> JoinCoordinator(CoordinatorClient& client, const WorkerOptions& options);

// The leaderboard's first rows, on standard output.
absl::Status PrintBoard(CoordinatorClient& client, const std::string& study);

// Pure. Why none of the studies can be served with this data and these weights, or Ok.
absl::Status CheckStudiesFit(const v1::ListStudiesResponse& studies, const WorkerOptions& options,
                             const std::string& address, const std::string& fingerprint,
                             const std::string& weights_hash);

}  // namespace vizsla
