#include "src/scheduling/study_policy.h"

#include "src/base/sha256.h"
#include "src/scheduling/learn_policy.h"
#include "src/scheduling/stop_policy.h"
#include "src/search/sampler.h"
#include "src/study/init_from.h"
#include "src/study/objectives_check.h"
#include "src/study/take_over.h"

namespace vizsla {
namespace {

absl::Status CheckStage(const StudySpec& spec, const StageView& stage) {
  const Budget& budget = stage.budget;
  if (budget.epochs < 1) {
    return absl::InvalidArgumentError(
        StrCat("budget.epochs is ", budget.epochs, "; at least 1 is needed"));
  }
  if (budget.trials < 0 || (budget.trials == 0 && KindOf(stage.sampler) != SamplerKind::kGrid &&
                            stage.enqueue.empty())) {
    return absl::InvalidArgumentError(
        StrCat("budget.trials is ", budget.trials, "; at least 1 is needed"));
  }
  if (const absl::Status status = CheckOptions(stage.pruner, budget.epochs); !status.ok()) {
    return Annotate(status, "pruner");
  }
  VIZSLA_RETURN_IF_ERROR(
      CheckGoesWithRepeats(spec.objective, stage.pruner, spec.repeats, spec.final_runs));
  VIZSLA_RETURN_IF_ERROR(CheckPolicies(spec.objective, stage.sampler, stage.pruner));
  return MakeSampler(stage.sampler, ClosedSpace(stage.space), DirectionsOf(spec.objective),
                     spec.seed)
      .status();
}

absl::Status CheckPinned(const std::string& study, const std::string& what, const std::string& kind,
                         const std::string& stored, const std::string& given) {
  if (stored == given) return absl::OkStatus();
  const auto shown = [](const std::string& hash) { return hash.empty() ? "none" : hash; };
  return absl::FailedPreconditionError(StrCat("study '", study, "': ", what,
                                              " the study is pinned to (", kind, " ", shown(stored),
                                              ", given ", shown(given), ")"));
}

}  // namespace

absl::Status CheckSubmission(const StudySpec& spec, const PinnedInputs& inputs) {
  VIZSLA_RETURN_IF_ERROR(Annotate(CheckStudyName(spec.name), "the study's name"));
  VIZSLA_RETURN_IF_ERROR(CheckRepeats(spec.repeats, spec.final_runs));
  VIZSLA_RETURN_IF_ERROR(CheckObjectives(spec.objective));
  for (int stage = 1; stage <= StageCount(spec); ++stage) {
    const absl::Status status = CheckStage(spec, StageOf(spec, stage));
    if (!status.ok()) return stage == 1 ? status : Annotate(status, DescribeStage(spec, stage));
  }
  if (const auto problem = FindInitFromProblem(spec)) {
    return absl::InvalidArgumentError(StrCat(DescribeStage(spec, problem->place.stage),
                                             ", enqueued trial ", problem->place.entry + 1,
                                             ": init_from: ", problem->reason));
  }
  if (spec.budget.wall_time && spec.budget.wall_time->count() <= 0) {
    return absl::InvalidArgumentError("budget.wall_time must be longer than nothing");
  }
  VIZSLA_RETURN_IF_ERROR(CheckStopRules(spec.stop));
  VIZSLA_RETURN_IF_ERROR(CheckLearnFrom(spec));
  if (spec.max_crashes < 1) {
    return absl::InvalidArgumentError(
        StrCat("max_crashes is ", spec.max_crashes, "; at least 1 is needed"));
  }
  if (inputs.dataset_fingerprint.empty()) {
    return absl::InvalidArgumentError("the study is pinned to no data set");
  }
  if (!IsSha256Hex(inputs.split_hash)) {
    return absl::InvalidArgumentError("the study is pinned to no split");
  }
  if (!inputs.weights_hash.empty() && !IsSha256Hex(inputs.weights_hash)) {
    return absl::InvalidArgumentError(StrCat("'", inputs.weights_hash, "' is no hash of weights"));
  }
  return absl::OkStatus();
}

absl::Status CheckSameStudy(const Study& stored, const StudySpec& spec,
                            const PinnedInputs& inputs) {
  if (ImmutableHash(stored.spec) != ImmutableHash(spec)) {
    return absl::FailedPreconditionError(
        StrCat("study '", spec.name,
               "' exists with another specification; choose another name, or undo:\n",
               DiffImmutable(stored.spec, spec)));
  }
  const PinnedInputs& pinned = stored.inputs;
  VIZSLA_RETURN_IF_ERROR(CheckPinned(spec.name, "the data set is not the one", "fingerprint",
                                     pinned.dataset_fingerprint, inputs.dataset_fingerprint));
  VIZSLA_RETURN_IF_ERROR(CheckPinned(spec.name, "the split is not the one", "hash",
                                     pinned.split_hash, inputs.split_hash));
  return CheckPinned(spec.name, "the weights are not the ones", "hash", pinned.weights_hash,
                     inputs.weights_hash);
}

}  // namespace vizsla
