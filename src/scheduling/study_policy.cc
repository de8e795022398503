#include "src/scheduling/study_policy.h"

#include "src/base/sha256.h"

namespace vizsla {
namespace {

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
  if (spec.budget.epochs < 1) {
    return absl::InvalidArgumentError(
        StrCat("budget.epochs is ", spec.budget.epochs, "; at least 1 is needed"));
  }
  if (spec.budget.trials < 0 ||
      (spec.budget.trials == 0 && spec.sampler != SamplerKind::kGrid && spec.enqueue.empty())) {
    return absl::InvalidArgumentError(
        StrCat("budget.trials is ", spec.budget.trials, "; at least 1 is needed"));
  }
  if (spec.budget.wall_time && spec.budget.wall_time->count() <= 0) {
    return absl::InvalidArgumentError("budget.wall_time must be longer than nothing");
  }
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
