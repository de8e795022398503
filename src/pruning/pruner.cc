#include "src/pruning/pruner.h"

#include "src/pruning/asha_pruner.h"
#include "src/pruning/halving_pruner.h"
#include "src/pruning/patience_pruner.h"
#include "src/pruning/percentile_pruner.h"
#include "src/pruning/population_pruner.h"
#include "src/pruning/threshold_pruner.h"
#include "src/study/policy_spec.h"

namespace vizsla {
namespace {

using Made = absl::StatusOr<std::unique_ptr<Pruner>>;

class NoPruner final : public Pruner {
 public:
  void Observe(const PrunerTrial&) override {}
  void ObserveReport(int64_t, int, AttemptNumber, double) override {}
  PruneDecision Decide(int64_t) const override { return PruneDecision::kContinue; }
};

Made Make(const NoPruning&, const PrunerContext&) { return std::make_unique<NoPruner>(); }

Made Make(const PercentileOptions& options, const PrunerContext& context) {
  return std::make_unique<PercentilePruner>(options, context.direction);
}

Made Make(const MedianOptions& options, const PrunerContext& context) {
  return Make(PercentileOptions{50, options.startup_trials, options.min_epochs, options.interval,
                                options.min_trials},
              context);
}

Made Make(const ThresholdOptions& options, const PrunerContext&) {
  return std::make_unique<ThresholdPruner>(options);
}

Made Make(const PatienceOptions& options, const PrunerContext& context) {
  return std::make_unique<PatiencePruner>(options, context.direction);
}

Made Make(const SuccessiveHalvingOptions& options, const PrunerContext& context) {
  return std::make_unique<HalvingPruner>(SuccessiveHalvingCycle(options, context.max_epochs),
                                         options.eta, context);
}

Made Make(const HyperbandOptions& options, const PrunerContext& context) {
  return std::make_unique<HalvingPruner>(HyperbandCycle(options, context.max_epochs), options.eta,
                                         context);
}

Made Make(const AshaOptions& options, const PrunerContext& context) {
  return std::make_unique<AshaPruner>(options, context);
}

Made Make(const PopulationOptions& options, const PrunerContext& context) {
  return std::make_unique<PopulationPruner>(options, context);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Pruner>> MakePruner(const PrunerSpec& spec,
                                                   const PrunerContext& context) {
  if (const absl::Status status = CheckOptions(spec, context.max_epochs); !status.ok()) {
    return Annotate(status, StrCat("the ", ToText(KindOf(spec)), " pruner"));
  }
  return std::visit([&](const auto& options) { return Make(options, context); }, spec);
}

}  // namespace vizsla
