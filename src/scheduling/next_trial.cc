// What comes next in a study: a trial that waits in the queue, or a new one of the sampler.
#include "src/scheduling/attempt_policy.h"
#include "src/scheduling/repeat_policy.h"
#include "src/scheduling/scheduler_impl.h"
#include "src/scheduling/stage_policy.h"
#include "src/study/planned_trials.h"
#include "src/study/take_over.h"

namespace vizsla {
namespace {

// Whether what comes next depends on which trials there are, not only on how many.
bool LooksAtTrials(const StudySpec& spec) {
  return !spec.stages.empty() || HasRepeats(spec) || KindOf(spec.pruner) == PrunerKind::kPopulation;
}

}  // namespace

absl::StatusOr<std::optional<SchedulerImpl::Draw>> SchedulerImpl::DrawInStage(TrialReader& reader,
                                                                              const Study& study,
                                                                              int stage) {
  const StageView view = StageOf(study.spec, stage);
  const std::optional<int64_t> limit = TrialLimit(view);
  VIZSLA_ASSIGN_OR_RETURN(const bool over, StageIsOver(reader, study, stage));
  if (over) return std::optional<Draw>();
  // Random draws without a number would never end.
  if (!limit && KindOf(view.sampler) != SamplerKind::kGrid) return std::optional<Draw>();
  if (!LooksAtTrials(study.spec)) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t last, reader.LastTrialNumber(study.id));
    if (limit && last >= *limit) return std::optional<Draw>();
  } else if (limit) {
    VIZSLA_ASSIGN_OR_RETURN(const int64_t there, counts_.Of(reader, study.id, stage));
    if (there >= *limit) return std::optional<Draw>();
  }
  if (stage == 1) {
    VIZSLA_ASSIGN_OR_RETURN(auto drawn, Suggest(reader, study, stage, nullptr));
    if (!drawn) return std::optional<Draw>();
    return std::optional<Draw>({stage, *std::move(drawn), {}});
  }
  const Stage& spec = study.spec.stages[static_cast<size_t>(stage - 2)];
  VIZSLA_ASSIGN_OR_RETURN(const StudySources* const sources, SourcesOf(reader, study));
  for (const int64_t number : sources->TakeTurns(stage, static_cast<size_t>(spec.top))) {
    VIZSLA_ASSIGN_OR_RETURN(const Trial source, reader.FindTrial(study.id, number));
    VIZSLA_ASSIGN_OR_RETURN(const auto drawn, Suggest(reader, study, stage, &source));
    if (!drawn) continue;  // this source's configurations are used up
    return std::optional<Draw>(
        {stage, Vary(study.spec, stage, source.configuration, *drawn), StartFrom(spec, source)});
  }
  return std::optional<Draw>();
}

absl::StatusOr<const StudySources*> SchedulerImpl::SourcesOf(TrialReader& reader,
                                                             const Study& study) {
  VIZSLA_ASSIGN_OR_RETURN(const SourceCache::Found found, sources_.Of(reader, study));
  if (found.is_new) told_ = true;  // it may have read what this change has written
  return found.sources;
}

absl::StatusOr<std::optional<Trial>> SchedulerImpl::FirstReady(TrialReader& reader,
                                                               const Study& study) {
  VIZSLA_ASSIGN_OR_RETURN(std::optional<Trial> first, reader.FirstQueued(study.id));
  if (!first || !IsWaiting(*first)) return first;
  VIZSLA_ASSIGN_OR_RETURN(const StudySources* const sources, SourcesOf(reader, study));
  const std::optional<int64_t> number = sources->FirstReady();
  if (!number) return std::optional<Trial>();
  VIZSLA_ASSIGN_OR_RETURN(Trial ready, reader.FindTrial(study.id, *number));
  return std::optional<Trial>(std::move(ready));
}

absl::StatusOr<SchedulerImpl::Next> SchedulerImpl::FindNext(TrialReader& reader,
                                                            const Study& study) {
  const bool staged = !study.spec.stages.empty();
  int current = 1;
  if (staged) {
    VIZSLA_ASSIGN_OR_RETURN(current, counts_.Current(reader, study.id));
  }
  VIZSLA_ASSIGN_OR_RETURN(const auto resume, NextToResume(reader, study, current));
  if (resume) return Next{*resume, std::nullopt};
  VIZSLA_ASSIGN_OR_RETURN(std::optional<Draw> draw, DrawInStage(reader, study, current));
  if (draw) return Next{0, std::move(draw)};
  const int next = current + 1;
  if (!staged || next > StageCount(study.spec)) return Next();
  VIZSLA_ASSIGN_OR_RETURN(const bool open, reader.AnyTrial(study.id, kQueuedOrRunning));
  if (open) return Next();
  // Enqueued trials are created first, by Proceed.
  if (!StageOf(study.spec, next).enqueue.empty()) return Next();
  VIZSLA_ASSIGN_OR_RETURN(draw, DrawInStage(reader, study, next));
  return Next{0, std::move(draw)};
}

absl::StatusOr<bool> SchedulerImpl::MayAdd(TrialReader& reader, const Study& study, int stage) {
  const StageView view = StageOf(study.spec, stage);
  const auto limit = TrialLimit(view);
  if (study.spec.stages.empty() && limit && !CountConfigurations(view.space)) {
    // An infinite space needs no costly suggestion to tell.
    if (LooksAtTrials(study.spec)) {
      VIZSLA_ASSIGN_OR_RETURN(const int64_t there, counts_.Of(reader, study.id, stage));
      return there < *limit;
    }
    VIZSLA_ASSIGN_OR_RETURN(const int64_t last, reader.LastTrialNumber(study.id));
    return last < *limit;
  }
  VIZSLA_ASSIGN_OR_RETURN(const auto draw, DrawInStage(reader, study, stage));
  return draw.has_value();
}

absl::StatusOr<Trial> SchedulerImpl::AddTrial(TrialWriter& writer, const Study& study, Draw draw,
                                              Effects& effects) {
  VIZSLA_ASSIGN_OR_RETURN(const int64_t last, writer.LastTrialNumber(study.id));
  Trial trial;
  trial.study = study.id;
  trial.number = last + 1;
  trial.stage = draw.stage;
  trial.configuration = std::move(draw.configuration);
  trial.warm_start = std::move(draw.warm_start);
  trial.created_at = clock_.Now();
  VIZSLA_ASSIGN_OR_RETURN(trial.id, writer.InsertTrial(trial));
  ObserveTrial(trial);
  effects.changed = true;
  VIZSLA_RETURN_IF_ERROR(AddRepeats(writer, study, std::span(&trial, 1), effects));
  VIZSLA_ASSIGN_OR_RETURN(Pruner* const pruner, PrunerOf(writer, study, trial.stage));
  if (pruner != nullptr) {
    VIZSLA_RETURN_IF_ERROR(TellLastTrial(writer, study, trial.stage, *pruner));
  }
  return trial;
}

absl::StatusOr<std::optional<Trial>> SchedulerImpl::NextTrial(TrialWriter& writer,
                                                              const Study& study,
                                                              Effects& effects) {
  for (;;) {
    VIZSLA_RETURN_IF_ERROR(Proceed(writer, study, effects));
    VIZSLA_ASSIGN_OR_RETURN(std::optional<Trial> next, FirstReady(writer, study));
    if (!next) {
      VIZSLA_ASSIGN_OR_RETURN(Next found, FindNext(writer, study));
      if (found.empty()) return std::optional<Trial>();
      recorder_.Note(study.id, NextEvent{found.resume});
      if (found.draw) {
        VIZSLA_ASSIGN_OR_RETURN(next, AddTrial(writer, study, *std::move(found.draw), effects));
      } else {
        VIZSLA_ASSIGN_OR_RETURN(next, ResumePaused(writer, study, found.resume, effects));
      }
      VIZSLA_RETURN_IF_ERROR(PruneLosers(writer, study, next->stage, effects));
    }
    const WarmStart& start = next->warm_start;
    const Lineage& lineage = next->lineage;
    const bool starts_here = start.checkpoint.empty() || artifacts_.Exists(start.checkpoint);
    const bool goes_on = lineage.parent == 0 || artifacts_.Exists(lineage.checkpoint) ||
                         artifacts_.Exists(next->last_checkpoint);
    if (starts_here && goes_on) return next;
    // Somebody has removed the file. Other bytes would make it another trial.
    const Trial ended =
        EndInfeasible(*next,
                      StrCat("the checkpoint of trial ", starts_here ? lineage.parent : start.trial,
                             " that it starts from (",
                             starts_here ? lineage.checkpoint : start.checkpoint, ") is gone"),
                      clock_.Now());
    WarnIfInfeasible(study, ended);
    VIZSLA_RETURN_IF_ERROR(writer.UpdateTrial(ended));
    ObserveTrial(ended);
    effects.changed = true;
  }
}

}  // namespace vizsla
