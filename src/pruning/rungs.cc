#include "src/pruning/rungs.h"

#include "src/pruning/rung_ladder.h"

namespace vizsla {

std::vector<int> RungsOf(const PrunerSpec& spec, int max_epochs) {
  return std::visit(
      [&](const auto& options) -> std::vector<int> {
        if constexpr (requires { options.eta; }) {
          return RungEpochs(options.min_epochs, options.eta, max_epochs);
        } else {
          return {};
        }
      },
      spec);
}

}  // namespace vizsla
