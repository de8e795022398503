// Which stage a study is in, and what its trials start from. Pure.
#pragma once

#include <span>
#include <vector>

#include "src/study/study.h"
#include "src/study/trial.h"
#include "src/study/trial_groups.h"

namespace vizsla {

// Whether anything of the study takes over something of another trial; all else here is only for
// such studies.
bool HasSources(const StudySpec& spec);

// Of a trial that waits: for the best one, not for one with a number.
bool WantsBest(WarmStart::Kind kind);

// The latest stage that has a trial; 1 before the first. A stage's trials are numbered after those
// of the stages before.
int CurrentStage(std::span<const Trial> trials);

// QUEUED or RUNNING trials. A PAUSED one holds no stage up: it ends with it.
bool AnyOpen(std::span<const Trial> trials);
// The PAUSED trials that others wait for, when all open trials wait: nothing would ever run again
// unless a new trial is drawn or a paused one is promoted. By number.
std::vector<Trial> PausedSources(std::span<const Trial> trials);

// The run of the configuration that trials of a later stage may start from, its best one; nullptr:
// it is no source. `group` is without final runs, which are of no stage.
const Trial* SourceRun(const Objective& objective, const TrialGroup& group);

// The trials that those of a later stage may start from, the best first: of the stages before it,
// able to win, with a score and its checkpoint. With repeats one for each configuration, in the
// order of their means: its run with the best score. Empty: the stage cannot begin.
std::vector<Trial> SourcesOfStage(const Study& study, int stage, std::span<const Trial> trials);

// Source, configuration and weights of a trial of the stage that is drawn on `source`.
WarmStart StartFrom(const Stage& stage, const Trial& source);

// The enqueued trials of a stage as they are created: numbered from `first`, in which the numbers
// of named sources are known. `trials` are those of the stages before. Who names the number of a
// trial that never came to be (a grid had fewer) is INFEASIBLE from the start.
std::vector<Trial> MakeEnqueued(const Study& study, int stage, std::span<const Trial> trials,
                                int64_t first, Timestamp now);

// Decides what waiting trials start from, as far as that can be told, and returns those that have
// changed: with their source and whole configuration, or INFEASIBLE with the reason when it ended
// without a checkpoint. `sampled_out`: the current stage has no trials to come but the waiting
// ones, so that a `best` of the first stage can be told.
std::vector<Trial> DecideWaiting(const Study& study, std::span<const Trial> trials,
                                 bool sampled_out, Timestamp now);

// A QUEUED trial that nobody can train.
Trial EndInfeasible(const Trial& trial, const std::string& reason, Timestamp now);

}  // namespace vizsla
