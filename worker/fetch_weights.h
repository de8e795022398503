// Which pretrained weights a leader can offer: its own file, and what it fetches from the
// coordinator for the studies of its data.
#pragma once

#include <string>
#include <vector>

#include "src/base/status.h"
#include "worker/coordinator_link.h"
#include "worker/weights_store.h"

namespace vizsla {

// Hashes for RegisterWorker. Downloads, into the cache folder, the weights of every active study
// that is pinned to `fingerprint` (of `study` only, when named), unless the user named a file
// himself: then that file is what this worker trains with.
absl::StatusOr<std::vector<std::string>> AvailableWeights(CoordinatorLink& link,
                                                          const std::string& fingerprint,
                                                          const std::string& study,
                                                          WeightsStore& weights);

}  // namespace vizsla
