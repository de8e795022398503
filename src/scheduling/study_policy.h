// Whether a submission is a study that exists. Pure.
#pragma once

#include "src/base/status.h"
#include "src/study/study.h"

namespace vizsla {

// What a study must have. InvalidArgument names the field.
absl::Status CheckSubmission(const StudySpec& spec, const PinnedInputs& inputs);

// FailedPrecondition with the difference (DiffImmutable), or naming which of data set, split and
// weights is not the pinned one.
absl::Status CheckSameStudy(const Study& stored, const StudySpec& spec, const PinnedInputs& inputs);

}  // namespace vizsla
