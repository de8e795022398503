// `vizsla evaluate` and `vizsla predict`. Results go to standard output.
#pragma once

#include <string>

#include "src/base/status.h"
#include "worker/evaluate_options.h"

namespace vizsla {

// The study's data only (by fingerprint). A figure of the test split is shown only after its use
// has been recorded in the study; if that cannot be done, the status says why and nothing is shown.
// That the predictions file can be made is checked before; should writing it fail later, the
// figures have been shown.
absl::Status RunEvaluate(const EvaluateOptions& options, const std::string& device, int threads);

// Any data set with unlabelled photos. Every photo has a row; one that cannot be read gets the same
// probability for each class, and is counted on standard error.
absl::Status RunPredict(const EvaluateOptions& options, const std::string& device, int threads);

}  // namespace vizsla
