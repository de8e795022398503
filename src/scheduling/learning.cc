#include <algorithm>
#include <set>

#include "absl/strings/str_join.h"
#include "src/base/log.h"
#include "src/scheduling/learn_policy.h"
#include "src/scheduling/scheduler_impl.h"
#include "src/study/policy_spec.h"

namespace vizsla {
namespace {

std::string ObjectiveText(const Objective& objective) {
  return StrCat(objective.metric, ", ",
                objective.direction == Direction::kMaximize ? "maximized" : "minimized");
}

std::string Trials(int64_t count) { return StrCat(count, count == 1 ? " trial" : " trials"); }

}  // namespace

absl::Status CheckLearnFrom(const StudySpec& spec) {
  if (spec.learn_from.empty()) return absl::OkStatus();
  const SamplerKind kind = KindOf(spec.sampler);
  const bool learns = kind == SamplerKind::kTpe || kind == SamplerKind::kGaussianProcess ||
                      kind == SamplerKind::kCmaEs;
  if (!learns) {
    return absl::InvalidArgumentError(
        StrCat("learn_from: the ", ToText(kind),
               " sampler learns from no trial; take sampler: tpe, gp or cma_es"));
  }
  std::set<std::string> names;
  for (const std::string& name : spec.learn_from) {
    if (name == spec.name) {
      return absl::InvalidArgumentError(
          StrCat("learn_from: '", name, "' is this study itself, which learns anyway"));
    }
    if (!names.insert(name).second) {
      return absl::InvalidArgumentError(StrCat("learn_from: '", name, "' stands there twice"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<LearnedFrom> TakeTrials(const Study& learner, const Study& source,
                                       std::span<const Trial> trials) {
  const Objective& ours = learner.spec.objective;
  const Objective& theirs = source.spec.objective;
  if (ours.metric != theirs.metric || ours.direction != theirs.direction) {
    return absl::FailedPreconditionError(
        StrCat("learn_from: the scores of study '", source.spec.name, "' are ",
               ObjectiveText(theirs), ", those of '", learner.spec.name, "' will be ",
               ObjectiveText(ours), "; nothing can be learnt from them"));
  }
  LearnedFrom taken;
  taken.study = source.spec.name;
  taken.other_data = learner.inputs.dataset_fingerprint != source.inputs.dataset_fingerprint ||
                     learner.inputs.split_hash != source.inputs.split_hash;
  for (const Trial& trial : trials) {
    if (!IsFinished(trial.state)) {
      ++taken.not_ended;
    } else if (trial.state == TrialState::kCancelled && !trial.score) {
      continue;  // says nothing, as in a study's own history
    } else if (!Validate(learner.spec.space, trial.configuration).ok()) {
      ++taken.unfit;
    } else {
      taken.trials.push_back({source.spec.name, trial.number, trial.configuration, trial.state,
                              trial.epoch, trial.score});
    }
  }
  return taken;
}

std::string DescribeLearned(std::span<const LearnedFrom> sources) {
  std::vector<std::string> parts;
  for (const LearnedFrom& source : sources) {
    std::vector<std::string> notes;
    if (source.unfit > 0) notes.push_back(StrCat(source.unfit, " more do not fit its parameters"));
    if (source.not_ended > 0) notes.push_back(StrCat(source.not_ended, " had not ended"));
    if (source.other_data) notes.emplace_back("scored on other data or another split");
    std::string part = StrCat(Trials(std::ssize(source.trials)), " of '", source.study, "'");
    if (!notes.empty()) absl::StrAppend(&part, " (", absl::StrJoin(notes, ", "), ")");
    parts.push_back(std::move(part));
  }
  return StrCat("learns from ", absl::StrJoin(parts, " and "));
}

std::vector<Trial> AsObservations(std::span<const LearnedTrial> learned) {
  std::vector<Trial> trials;
  int64_t number = 1 - std::ssize(learned);
  for (const LearnedTrial& from : learned) {
    Trial trial;
    trial.number = number++;
    trial.configuration = from.configuration;
    trial.state = from.state;
    trial.epoch = from.epoch;
    trial.score = from.score;
    trials.push_back(std::move(trial));
  }
  return trials;
}

absl::Status SchedulerImpl::Learn(TrialWriter& writer, Study& study) {
  if (study.spec.learn_from.empty()) return absl::OkStatus();
  std::vector<LearnedFrom> sources;
  for (const std::string& name : study.spec.learn_from) {
    const auto source = writer.FindStudy(name);
    if (absl::IsNotFound(source.status())) {
      return absl::FailedPreconditionError(
          StrCat("learn_from: there is no study '", name, "' in this database"));
    }
    VIZSLA_RETURN_IF_ERROR(source.status());
    VIZSLA_ASSIGN_OR_RETURN(const std::vector<Trial> trials, writer.ListTrials(source->id, {}));
    VIZSLA_ASSIGN_OR_RETURN(LearnedFrom taken, TakeTrials(study, *source, trials));
    VIZSLA_RETURN_IF_ERROR(writer.InsertLearned(study.id, taken.trials));
    sources.push_back(std::move(taken));
  }
  study.learned = DescribeLearned(sources);
  log::info("study '{}' {}", study.spec.name, study.learned);
  return writer.UpdateStudy(study);
}

}  // namespace vizsla
