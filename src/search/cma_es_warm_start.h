// Where CMA-ES begins that knows the results of earlier studies. Nomura, Watanabe, Akimoto, Ozaki,
// Onishi: "Warm starting CMA-ES for hyperparameter optimization", AAAI 2021: the normal
// distribution nearest (in Kullback-Leibler divergence) to a mixture of narrow ones around the best
// tenth of what is known. Internal to src/search. Pure.
#pragma once

#include <optional>
#include <vector>

#include "src/search/cma_es.h"

namespace vizsla {

// `best_first`: points of the unit cube. Nullopt for none.
std::optional<CmaEs> WarmStartCmaEs(const std::vector<Eigen::VectorXd>& best_first);

}  // namespace vizsla
