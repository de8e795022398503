// What a weights file expects of its input and its convolutions: read from its metadata, or said by
// the user; never guessed (a wrong guess costs 8 to 20 points of accuracy).
#pragma once

#include <map>
#include <string>

#include "src/base/status.h"
#include "src/catalog/training_plan.h"
#include "src/study/study.h"

namespace vizsla {

// Keys of the metadata: `padding`, `preprocessing` or `preprocess`, `architecture`. The user's word
// wins over the file's. InvalidArgument when neither says padding or preprocessing, or says
// something unknown: the sentence tells how to say it.
absl::StatusOr<WeightsTraits> TraitsFromMetadata(const std::map<std::string, std::string>& metadata,
                                                 const WeightsSpec& users_word);

}  // namespace vizsla
