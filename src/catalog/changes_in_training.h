// What a trial may change when it goes on from another one's checkpoint: the parameters that
// KnownParameters() declares so. Pure.
#pragma once

#include <string>
#include <string_view>

#include "src/base/status.h"
#include "src/study/configuration.h"

namespace vizsla {

bool MayChangeInTraining(std::string_view parameter);

// InvalidArgument "parameter NAME: ..." for the first parameter that differs and may not.
absl::Status CheckChangesInTraining(const Configuration& before, const Configuration& after);

}  // namespace vizsla
