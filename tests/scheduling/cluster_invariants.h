// What holds of a study whatever has happened, looked up in its store.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "src/base/random.h"
#include "src/study/objective.h"
#include "tests/scheduling/harness.h"

namespace vizsla {

// A report that the coordinator has acknowledged.
struct Acknowledged {
  TrialId trial;
  AttemptNumber attempt;
  int epoch = 0;
  double value = 0;
};

// Training as a function of trial and epoch, with ties.
inline double SimulatedAccuracy(int64_t trial, int epoch) {
  RandomStream stream(StreamKey(99).With(static_cast<uint64_t>(trial)).With(epoch));
  return std::floor(stream.Uniform() * 16) / 16;
}

// One run in some dozens diverges, in a metric that decides nothing.
inline Metrics SimulatedMetrics(const Objective& objective, int64_t trial, int epoch) {
  RandomStream stream(StreamKey(98).With(static_cast<uint64_t>(trial)).With(epoch));
  Metrics metrics = {{"val_accuracy", SimulatedAccuracy(trial, epoch)}, {"train_loss", 0.5}};
  if (stream.Bernoulli(0.005)) metrics["train_loss"] = std::nan("");
  for (const FurtherObjective& further : objective.further) {
    metrics[further.metric] = std::floor(stream.Uniform() * 8);
  }
  return metrics;
}

// One configuration in some dozens cannot be trained by anybody.
inline constexpr char kHopeless[] = "no worker can train it";
inline bool IsHopeless(const Trial& trial) {
  if (trial.lineage.parent != 0) return false;  // its parent could be trained
  const int64_t first = trial.repeat_of != 0 ? trial.repeat_of : trial.number;
  return RandomStream(StreamKey(97).With(static_cast<uint64_t>(first))).Bernoulli(0.03);
}

class ClusterInvariants {
 public:
  ClusterInvariants(TrialStore& store, FakeArtifacts& artifacts)
      : store_(store), artifacts_(artifacts) {}

  void Check(const std::string& name, const std::vector<Acknowledged>& acknowledged) {
    const absl::Status status = store_.Read([&](TrialReader& reader) -> absl::Status {
      VIZSLA_ASSIGN_OR_RETURN(const Study study, reader.FindStudy(name));
      VIZSLA_ASSIGN_OR_RETURN(const auto trials, reader.ListTrials(study.id, {}));
      std::map<TrialId, std::vector<EpochReport>> reports;
      int64_t number = 0;
      for (const Trial& trial : trials) {
        EXPECT_EQ(trial.number, ++number) << "no trial twice, none left out";
        VIZSLA_ASSIGN_OR_RETURN(reports[trial.id], reader.ListReports(trial.id));
        VIZSLA_ASSIGN_OR_RETURN(const auto attempts, reader.ListAttempts(trial.id));
        CheckReports(study, trial, reports[trial.id]);
        CheckAttempts(trial, attempts);
        CheckArtifacts(trial);
        CheckKin(study, trial, trials);
        if (study.state != StudyState::kFinished) continue;
        // A rule that ended the study leaves trials for a looser one.
        EXPECT_TRUE(IsFinished(trial.state) ||
                    (!study.end_reason.empty() && trial.state == TrialState::kQueued))
            << "trial " << trial.number << " has no end";
      }
      VIZSLA_ASSIGN_OR_RETURN(const StopProgress progress, reader.GetStopProgress(study.id));
      int64_t epochs = 0;
      for (const auto& [id, list] : reports) epochs += std::ssize(list);
      if (!study.spec.stop.empty()) {
        EXPECT_EQ(progress.epochs, epochs) << "each counts once";
      }
      for (const Acknowledged& report : acknowledged) {
        CheckAcknowledged(report, reports[report.trial]);
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
  }

 private:
  static void CheckReports(const Study& study, const Trial& trial,
                           const std::vector<EpochReport>& reports) {
    int epoch = trial.lineage.parent_epoch;
    std::vector<EpochReport> run;
    for (const EpochReport& report : reports) {
      EXPECT_EQ(report.epoch, ++epoch) << "every epoch once, without gaps";
      EXPECT_EQ(report.metrics.at("val_accuracy"), SimulatedAccuracy(trial.number, report.epoch));
      if (report.epoch <= trial.epoch) run.push_back(report);
    }
    EXPECT_EQ(static_cast<int>(run.size()), trial.epoch - trial.lineage.parent_epoch);
    const auto score = SelectScore(study.spec.objective, run);
    ASSERT_EQ(score.has_value(), trial.score.has_value());
    if (!score) return;
    EXPECT_EQ(*trial.score, score->value);
    EXPECT_EQ(trial.best_epoch, score->epoch);
    EXPECT_EQ(trial.further_values.size(), study.spec.objective.further.size());
  }

  // Runs of one configuration, and those that took the places of others.
  static void CheckKin(const Study& study, const Trial& trial, const std::vector<Trial>& trials) {
    const auto other = [&](int64_t number) -> const Trial& {
      return trials.at(static_cast<size_t>(number - 1));
    };
    if (trial.repeat_of != 0) {
      EXPECT_LT(trial.repeat_of, trial.number);
      EXPECT_EQ(trial.configuration, other(trial.repeat_of).configuration);
    } else {
      const auto runs = std::count_if(trials.begin(), trials.end(), [&](const Trial& run) {
        return run.repeat_of == trial.number && !run.final_run;
      });
      EXPECT_LT(runs, std::max(1, study.spec.repeats)) << "no repeat too many";
    }
    if (trial.state == TrialState::kInfeasible && trial.reason == kHopeless) {
      for (const Trial& run : trials) {
        const bool waits_in_vain = GroupNumber(run) == GroupNumber(trial) &&
                                   run.state == TrialState::kQueued &&
                                   run.attempt == AttemptNumber();
        EXPECT_FALSE(waits_in_vain) << "trial " << run.number << " waits for what cannot be";
      }
    }
    if (trial.lineage.parent == 0) return;
    EXPECT_LT(trial.lineage.parent, trial.number);
    EXPECT_GE(trial.epoch, trial.lineage.parent_epoch);
    // Whoever had the place before has ended.
    for (const Trial& before : trials) {
      if (before.number >= trial.number || MemberOf(before) != MemberOf(trial)) continue;
      EXPECT_TRUE(IsFinished(before.state)) << "two trials have one place";
    }
  }

  static void CheckAttempts(const Trial& trial, const std::vector<AttemptRow>& attempts) {
    EXPECT_EQ(static_cast<int64_t>(attempts.size()), trial.attempt.value());
    int open = 0;
    int crashed = 0;
    for (const AttemptRow& attempt : attempts) {
      if (!attempt.ended_at) ++open;
      if (attempt.outcome == AttemptOutcome::kCrashed) ++crashed;
    }
    EXPECT_EQ(open, trial.state == TrialState::kRunning ? 1 : 0) << "at most one lease a trial";
    EXPECT_EQ(crashed, trial.crashes) << "crashes count, preemptions do not";
    EXPECT_LE(trial.crashes, 3);
  }

  void CheckArtifacts(const Trial& trial) {
    std::vector<std::string> needed = {trial.best_checkpoint, trial.last_checkpoint};
    if (!IsFinished(trial.state)) {
      needed.push_back(trial.warm_start.checkpoint);
      needed.push_back(trial.lineage.checkpoint);
    }
    for (const std::string& hash : needed) {
      EXPECT_TRUE(hash.empty() || artifacts_.Exists(hash))
          << "a checkpoint that trial " << trial.number << " needs was removed";
    }
  }

  static void CheckAcknowledged(const Acknowledged& wanted,
                                const std::vector<EpochReport>& reports) {
    for (const EpochReport& report : reports) {
      if (report.epoch != wanted.epoch) continue;
      EXPECT_GE(report.attempt, wanted.attempt) << "only a later attempt may replace it";
      EXPECT_EQ(report.metrics.at("val_accuracy"), wanted.value);
      return;
    }
    ADD_FAILURE() << "an acknowledged report of epoch " << wanted.epoch << " is lost";
  }

  TrialStore& store_;
  FakeArtifacts& artifacts_;
};

}  // namespace vizsla
